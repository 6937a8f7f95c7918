#include "hub/gateway/call.h"

namespace sluice::hub::gateway {

Call::Call(std::string request_id, const dialects::Dialect& front, dialects::ScannedRequest scanned)
    : request_id_(std::move(request_id)), front_(front), scanned_(std::move(scanned)) {}

base::Result<const tasks::ChatRequest*> Call::chat() const {
  if (!chat_) chat_ = front_.downstream->decode_chat(scanned_);
  if (!*chat_) return base::fail(chat_->error());
  (*chat_)->model = candidate_.model;
  return &**chat_;
}

base::Result<const tasks::EmbedRequest*> Call::embed() const {
  if (!embed_) embed_ = front_.downstream->decode_embed(scanned_);
  if (!*embed_) return base::fail(embed_->error());
  (*embed_)->model = candidate_.model;
  return &**embed_;
}

base::Result<const tasks::CompletionRequest*> Call::completion() const {
  if (!completion_) completion_ = front_.downstream->decode_completion(scanned_);
  if (!*completion_) return base::fail(completion_->error());
  (*completion_)->model = candidate_.model;
  return &**completion_;
}

}  // namespace sluice::hub::gateway
