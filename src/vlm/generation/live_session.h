// One sequence while the engine works on it: prompt rows still to run, then one token a step. Private to the
// engine thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vlm/generation/engine.h"
#include "vlm/generation/kv_cache.h"
#include "vlm/generation/sampler.h"
#include "vlm/generation/stop_filter.h"
#include "vlm/tokenizer/token_stream.h"

namespace sluice::vlm::generation {

using Clock = std::chrono::steady_clock;

class LiveSession {
 public:
  // `answer_max` is settled: prompt plus answer_max fit the cache.
  LiveSession(Request request, std::shared_ptr<Session> session, std::uint32_t answer_max, KvCache cache,
              Clock::time_point submitted);

  const LanguageModel& model() const { return *request_.model; }
  bool cancelled() const { return session_->cancelled(); }
  bool is_decoding() const { return next_position_ >= request_.prompt.size(); }
  // Frames still to encode come before any row of the prompt.
  bool is_looking() const { return frames_seen_ < request_.frames.size(); }
  const image::Picture& next_frame() const { return request_.frames[frames_seen_]; }
  std::span<float> next_image_rows();  // where the rows of next_frame() go
  void note_frame(std::chrono::nanoseconds took);
  std::size_t prompt_rows_left() const { return request_.prompt.size() - next_position_; }
  std::size_t kv_bytes() const { return cache_.bytes(); }

  // The next rows to run: one while decoding, up to `count` of the prompt before. The last row of the prompt
  // and every decode row want logits.
  void append_rows(std::size_t count, std::vector<models::Row>& rows);
  bool awaits_logits() const { return awaits_logits_; }
  // Samples from the logits of the row that wanted them, and tells what that brings the reader.
  Event take(std::span<float> logits);
  // Cuts the answer short: nothing that is held back is shown.
  Event end_early(FinishReason reason);

  bool ended() const { return ended_; }

 private:
  struct HeldInfo {
    std::size_t text_end;  // bytes of answer text once this token's are all there
    TokenInfo info;
  };

  void note_logprobs(const Choice& choice);
  End make_end(FinishReason reason) const;
  void finish(Event& event, FinishReason reason);
  void show(Event& event, std::string text);

  const Request request_;
  const std::shared_ptr<Session> session_;
  const std::uint32_t answer_max_;
  KvCache cache_;
  Sampler sampler_;
  tokenizer::TokenStream stream_;
  StopFilter filter_;

  std::vector<float> image_rows_;  // of all frames; given back once the prompt has run
  std::size_t frames_seen_ = 0;
  std::size_t image_rows_used_ = 0;
  std::chrono::nanoseconds looking_{};

  std::size_t next_position_ = 0;  // of the next row
  std::int32_t next_token_ = -1;   // once decoding
  std::uint32_t answer_tokens_ = 0;
  bool awaits_logits_ = false;
  bool ended_ = false;

  // Log-probabilities wait until their token's text is shown, else they would tell parts of a stop string.
  std::deque<HeldInfo> held_;
  std::size_t text_bytes_ = 0;  // of the answer, held back ones included
  std::size_t shown_bytes_ = 0;

  const Clock::time_point submitted_;
  const Clock::time_point started_;
  Clock::time_point first_token_;
};

}  // namespace sluice::vlm::generation
