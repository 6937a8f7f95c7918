// Edits a JSON text by cutting: the result is a list of slices of the client's own bytes with small pieces of
// ours between them. What no edit touches is the client's, byte for byte.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/slice.h"
#include "hub/dialects/drop_list.h"
#include "hub/dialects/scanned_request.h"

namespace sluice::hub::dialects {

// Replaces bytes [at.begin, at.end) of a body; an empty span inserts.
struct Edit {
  Span at;
  http::Slice text;
};

// The body with `edits` applied; they are in order and do not overlap.
http::Body apply_edits(const http::Slice& body, std::span<const Edit> edits);

// The members of the object that the scanner stands before, and of which it reads `text`; spans are moved by
// `offset`. Empty when there is no object.
std::vector<Member> take_members(JsonScanner& scanner, std::string_view text, std::size_t offset = 0);

// What shall become of the members of one object. Every question is answered as the edits so far leave it, so
// that edits compose in their order. Borrows `text` and the members.
class ObjectEdit {
 public:
  ObjectEdit(std::string_view text, std::span<const Member> members) : text_(text), members_(members) {}

  std::size_t size() const { return members_.size(); }
  bool has(std::size_t member) const { return changes_.empty() || !changes_[member].dropped; }
  std::string_view name(std::size_t member) const;
  std::string_view value(std::size_t member) const;  // its JSON
  JsonType type(std::size_t member) const;
  bool is_untouched(std::size_t member) const { return has(member) && !value_replaced(member); }
  const Member& origin(std::size_t member) const { return members_[member]; }
  // The first of that name, or size().
  std::size_t find(std::string_view name) const;

  void drop(std::size_t member) { change(member).dropped = true; }
  void rename(std::size_t member, std::string_view name) { change(member).name = name; }
  void replace(std::size_t member, std::string json) { change(member).value = std::move(json); }

  void append_edits(std::vector<Edit>& edits) const;  // in order

 private:
  struct Change {
    bool dropped = false;
    std::optional<std::string> name;
    std::optional<std::string> value;
  };
  Change& change(std::size_t member);
  bool value_replaced(std::size_t member) const {
    return !changes_.empty() && changes_[member].value.has_value();
  }
  Span span_to_drop(std::size_t member, bool kept_before) const;

  const std::string_view text_;
  const std::span<const Member> members_;
  std::vector<Change> changes_;  // by member; empty until the first
};

// A request body and what is to change in it.
class EditPlan {
 public:
  explicit EditPlan(const ScannedRequest& request);

  const ScannedRequest& request() const { return request_; }
  ObjectEdit& top() { return top_; }
  const ObjectEdit& top() const { return top_; }
  // A parameter more, beside the model.
  void add(std::string_view name, std::string_view json);
  // Inside a value that top() leaves as it is; in order, none overlapping.
  void replace_bytes(Span at, std::string text);
  // Something of the client's that an edit left out, beside whole parameters, which are found by themselves.
  void note_dropped(std::string_view name) { noted_.add(name); }

  http::Body apply() const;
  // What was left out, by the names of the client: each once, nothing that asked for nothing.
  std::vector<std::string> dropped() const;

 private:
  const ScannedRequest& request_;
  ObjectEdit top_;
  std::string added_;
  std::vector<Edit> inner_;
  DropList noted_;
};

std::string quoted_json(std::string_view text);

}  // namespace sluice::hub::dialects
