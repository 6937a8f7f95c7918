#include "vlm/generation/live_session.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace sluice::vlm::generation {

LiveSession::LiveSession(Request request, std::shared_ptr<Session> session, std::uint32_t answer_max,
                         KvCache cache, Clock::time_point submitted)
    : request_(std::move(request)),
      session_(std::move(session)),
      answer_max_(answer_max),
      cache_(std::move(cache)),
      sampler_(request_.sampling, request_.prompt),
      stream_(request_.model->tokenizer),
      filter_(request_.stop),
      submitted_(submitted),
      started_(Clock::now()) {
  if (request_.frames.empty()) return;
  const models::VisionShape& shape = model().eyes->model->shape();
  image_rows_.resize(request_.frames.size() * shape.rows() * shape.out);
}

std::span<float> LiveSession::next_image_rows() {
  const std::size_t size = image_rows_.size() / request_.frames.size();
  return std::span(image_rows_).subspan(frames_seen_ * size, size);
}

void LiveSession::note_frame(std::chrono::nanoseconds took) {
  ++frames_seen_;
  looking_ += took;
}

void LiveSession::append_rows(std::size_t count, std::vector<models::Row>& rows) {
  if (is_decoding()) {
    rows.push_back({.token = next_token_,
                    .position = static_cast<std::uint32_t>(next_position_++),
                    .kv = cache_.view(),
                    .wants_logits = true});
    awaits_logits_ = true;
    return;
  }
  count = std::min(count, prompt_rows_left());
  for (std::size_t i = 0; i < count; ++i) {
    rows.push_back({.token = request_.prompt[next_position_],
                    .position = static_cast<std::uint32_t>(next_position_),
                    .kv = cache_.view(),
                    .wants_logits = next_position_ + 1 == request_.prompt.size()});
    const auto& eyes = model().eyes;
    if (eyes && rows.back().token == eyes->image_token)
      rows.back().embedding = image_rows_.data() + image_rows_used_++ * eyes->model->shape().out;
    ++next_position_;
  }
  awaits_logits_ = rows.back().wants_logits;
}

Event LiveSession::take(std::span<float> logits) {
  awaits_logits_ = false;
  if (answer_tokens_ == 0) image_rows_ = {};
  if (model().eyes)
    for (const std::int32_t id : model().eyes->masked)
      logits[static_cast<std::size_t>(id)] = -std::numeric_limits<float>::infinity();
  const Choice choice = sampler_.choose(logits);
  if (answer_tokens_++ == 0) first_token_ = Clock::now();
  next_token_ = choice.token;

  Event event{.session = session_};
  const tokenizer::Tokenizer& tokenizer = request_.model->tokenizer;
  if (!request_.ignore_stop_tokens && tokenizer.is_stop(choice.token)) {
    finish(event, FinishReason::stop);
    return event;
  }
  const std::string text = stream_.push(choice.token);
  text_bytes_ += text.size();
  if (request_.sampling.logprobs) note_logprobs(choice);
  show(event, filter_.feed(text));
  if (filter_.stopped())
    finish(event, FinishReason::stop);
  else if (answer_tokens_ == answer_max_)
    finish(event, FinishReason::length);
  return event;
}

Event LiveSession::end_early(FinishReason reason) {
  ended_ = true;
  return {.session = session_, .end = make_end(reason)};
}

void LiveSession::note_logprobs(const Choice& choice) {
  const tokenizer::Tokenizer& tokenizer = request_.model->tokenizer;
  TokenInfo info{.bytes = std::string(tokenizer.bytes_of(choice.token)), .logprob = choice.logprob};
  for (const TokenLogprob& other : choice.top)
    info.top.push_back({std::string(tokenizer.bytes_of(other.token)), other.logprob});
  held_.push_back({text_bytes_ + stream_.held_bytes(), std::move(info)});
}

// Adds text that may be shown to the event, with the log-probabilities it releases.
void LiveSession::show(Event& event, std::string text) {
  shown_bytes_ += text.size();
  event.text += text;
  while (!held_.empty() && held_.front().text_end <= shown_bytes_) {
    event.tokens.push_back(std::move(held_.front().info));
    held_.pop_front();
  }
}

void LiveSession::finish(Event& event, FinishReason reason) {
  ended_ = true;
  if (!filter_.stopped()) {
    const std::string rest = stream_.finish();
    text_bytes_ += rest.size();
    show(event, filter_.feed(rest));
    show(event, filter_.finish());
    if (filter_.stopped()) reason = FinishReason::stop;
  }
  event.end = make_end(reason);
}

End LiveSession::make_end(FinishReason reason) const {
  const Clock::time_point now = Clock::now();
  const bool answered = answer_tokens_ > 0;
  return {.reason = reason,
          .stop_string = std::string(filter_.match()),
          .prompt_tokens = static_cast<std::uint32_t>(request_.prompt.size()),
          .image_tokens = static_cast<std::uint32_t>(image_rows_used_),
          .frames = static_cast<std::uint32_t>(frames_seen_),
          .answer_tokens = answer_tokens_,
          .waited = started_ - submitted_,
          .prefill = (answered ? first_token_ : now) - started_,
          .looking = looking_,
          .decode = answered ? now - first_token_ : std::chrono::nanoseconds{}};
}

}  // namespace sluice::vlm::generation
