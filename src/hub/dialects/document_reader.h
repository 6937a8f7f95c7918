// The reader of an answer that is always one JSON object and never a stream: vectors, counts. A dialect
// derives and says what must be in the object.
#pragma once

#include <string>

#include "hub/dialects/http_machine.h"
#include "hub/dialects/json_read.h"

namespace sluice::hub::dialects {

class DocumentReader : public AnswerReader {
 public:
  explicit DocumentReader(std::string provider) : provider_(std::move(provider)) {}

  Verdict read_event(std::string_view name, std::string_view data,
                     std::vector<tasks::Event>& events) override;
  Verdict read_whole(std::string_view body, std::vector<tasks::Event>& events) override;
  Fail failure() override { return std::move(failure_); }
  Fail read_error(const http::ResponseHead& head, std::string_view body) override;
  bool is_whole() const override { return whole_; }
  std::string describe_missing() const override { return "it held no document"; }
  void conclude(std::vector<tasks::Event>&) override {}

 protected:
  // All events of the answer, or what is wrong with it ("it holds 1 embedding for 2 inputs").
  virtual base::Status read_document(JsonObject document, std::vector<tasks::Event>& events) = 0;

 private:
  Verdict fail_with(Fail fail);

  const std::string provider_;
  Fail failure_;
  bool whole_ = false;
};

// Reads a vector; fails when it holds anything but numbers, nothing, or more than kEmbeddingValuesMax.
base::Result<std::vector<float>> read_vector(JsonElement element);

}  // namespace sluice::hub::dialects
