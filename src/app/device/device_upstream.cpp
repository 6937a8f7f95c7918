#include "app/device/device_upstream.h"

#include <chrono>
#include <utility>
#include <variant>

#include "app/device/device_events.h"
#include "app/device/device_request.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/random.h"
#include "base/without_memory.h"

namespace sluice::app::device {

namespace gateway = hub::gateway;
namespace tasks = hub::tasks;
using base::ErrorCode;
using base::fail;
using vlm::generation::Event;

namespace {

// What the loader thread and a coroutine share; the last reference always goes on the loop.
template <typename T>
struct Arrival {
  explicit Arrival(net::Loop& loop) : event(loop) {}
  net::Event event;
  base::Result<T> value = fail(ErrorCode::cancelled, "nothing came");
};

// Called on the loader thread. A coroutine that has gone meanwhile gets nothing.
template <typename T>
void hand_back(net::Loop& loop, std::weak_ptr<Arrival<T>> arrival, base::Result<T> value) {
  loop.post([arrival = std::move(arrival), value = std::move(value)]() mutable {
    const auto waiting = arrival.lock();
    if (waiting == nullptr) return;
    waiting->value = std::move(value);
    waiting->event.set();
  });
}

net::Task<base::Result<Device::LoadedModel>> obtain(Device& device, std::string id, net::TimePoint deadline,
                                                    net::Cancel& cancel) {
  if (Device::LoadedModel ready = device.loaded(id)) co_return ready;
  net::Loop& loop = *net::Loop::current();
  const auto arrival = std::make_shared<Arrival<Device::LoadedModel>>(loop);
  device.load(std::move(id),
              [&loop, arrival = std::weak_ptr(arrival)](base::Result<Device::LoadedModel> model) {
                hand_back(loop, arrival, std::move(model));
              });
  SLUICE_CO_TRY_VOID(co_await arrival->event.wait(cancel, deadline));
  co_return std::move(arrival->value);
}

// Decoding pictures is no work for the loop. The request is copied: the call may be gone when the thread
// gets to it.
net::Task<base::Result<DeviceRequest>> translate_aside(Device& device, tasks::ChatRequest request,
                                                       Device::LoadedModel model, std::uint64_t seed,
                                                       net::TimePoint deadline, net::Cancel& cancel) {
  net::Loop& loop = *net::Loop::current();
  const auto arrival = std::make_shared<Arrival<DeviceRequest>>(loop);
  device.run_aside([&device, &loop, arrival = std::weak_ptr(arrival), request = std::move(request),
                    model = std::move(model), seed] {
    if (arrival.expired()) return;
    hand_back(loop, arrival, base::refuse_without_memory([&] {
                return to_engine_request(request, model, seed, device.engine().context_of(*model));
              }));
  });
  SLUICE_CO_TRY_VOID(co_await arrival->event.wait(cancel, deadline));
  co_return std::move(arrival->value);
}

// Where the engine's events of one answer wait for the coroutine. Lives and dies on the loop.
struct Mailbox {
  explicit Mailbox(net::Loop& loop) : arrived(loop) {}
  net::Event arrived;
  std::vector<tasks::Event> events;
};

// Outlives the mailbox while the engine still holds the session; then events go nowhere.
class DeviceSession final : public Listener {
 public:
  DeviceSession(net::Loop& loop, Mailbox& mailbox) : Listener(&loop), mailbox_(&mailbox) {}
  // Before the session is submitted.
  void tell_with_usage(std::vector<tasks::PictureUse> pictures, std::vector<std::string> warnings) {
    pictures_ = std::move(pictures);
    warnings_ = std::move(warnings);
  }
  void take(Event event) override {
    if (mailbox_ == nullptr) return;
    append_chat_events(std::move(event), mailbox_->events);
    if (auto* report =
            std::get_if<tasks::UsageReport>(mailbox_->events.empty() ? nullptr : &mailbox_->events.back())) {
      report->usage.pictures = std::move(pictures_);
      report->usage.warnings = std::move(warnings_);
    }
    mailbox_->arrived.set();
  }
  void close_mailbox() { mailbox_ = nullptr; }

 private:
  // Touched on the loop only.
  Mailbox* mailbox_;
  std::vector<tasks::PictureUse> pictures_;
  std::vector<std::string> warnings_;
};

class DeviceSource final : public gateway::EventSource {
 public:
  DeviceSource(net::Loop& loop, net::TimePoint deadline, net::Cancel& cancel)
      : mailbox_(loop),
        session_(std::make_shared<DeviceSession>(loop, mailbox_)),
        deadline_(deadline),
        cancel_(cancel) {}
  ~DeviceSource() override {
    session_->close_mailbox();
    session_->cancel();
  }
  DeviceSource(const DeviceSource&) = delete;
  DeviceSource& operator=(const DeviceSource&) = delete;

  const std::shared_ptr<DeviceSession>& session() const { return session_; }
  void put_first(tasks::Started started) { started_ = std::move(started); }

  // Waits for the first event: an answer that could not even begin must not look like one that did.
  net::Task<gateway::Outcome<void>> begin() {
    if (mailbox_.events.empty()) SLUICE_CO_TRY_VOID(co_await mailbox_.arrived.wait(cancel_, deadline_));
    if (auto* failed = std::get_if<tasks::Failed>(&mailbox_.events.front()))
      co_return std::unexpected(std::move(failed->error));
    co_return gateway::Outcome<void>();
  }

  net::Task<gateway::Outcome<std::optional<gateway::Piece>>> next() override {
    if (ended_) co_return std::nullopt;
    while (mailbox_.events.empty()) SLUICE_CO_TRY_VOID(co_await mailbox_.arrived.wait(cancel_, deadline_));
    gateway::Events piece;
    if (started_) piece.events.emplace_back(*std::exchange(started_, std::nullopt));
    for (tasks::Event& event : mailbox_.events) {
      if (auto* failed = std::get_if<tasks::Failed>(&event))
        co_return std::unexpected(std::move(failed->error));
      ended_ = ended_ || std::holds_alternative<tasks::UsageReport>(event);
      piece.events.push_back(std::move(event));
    }
    mailbox_.events.clear();
    co_return std::optional<gateway::Piece>(std::move(piece));
  }

 private:
  Mailbox mailbox_;
  const std::shared_ptr<DeviceSession> session_;
  const net::TimePoint deadline_;
  net::Cancel& cancel_;
  std::optional<tasks::Started> started_;
  bool ended_ = false;
};

net::Task<base::Result<DeviceRequest>> translate(Device& device, const gateway::Call& call,
                                                 Device::LoadedModel model, net::TimePoint deadline,
                                                 net::Cancel& cancel) {
  const std::uint64_t seed = base::secure_random_u64();
  if (call.kind() == tasks::Kind::chat) {
    SLUICE_CO_TRY(const tasks::ChatRequest* request, call.chat());
    if (has_pictures(*request))
      co_return co_await translate_aside(device, *request, std::move(model), seed, deadline, cancel);
    co_return to_engine_request(*request, std::move(model), seed);
  }
  if (call.kind() == tasks::Kind::completion) {
    SLUICE_CO_TRY(const tasks::CompletionRequest* request, call.completion());
    co_return to_engine_request(*request, std::move(model), seed);
  }
  co_return fail(ErrorCode::invalid_argument, "the device does not offer {}", tasks::name_of(call.kind()));
}

gateway::Failure failure_of(base::Error error) {
  error.provider = hub::catalog::kDeviceId;
  gateway::Failure failure(std::move(error));
  const ErrorCode code = failure.error.code;
  failure.blames_request = code == ErrorCode::invalid_argument || code == ErrorCode::context_overflow ||
                           code == ErrorCode::unsupported_media || code == ErrorCode::too_large;
  if (code == ErrorCode::overloaded) failure.retry_after = std::chrono::seconds(1);
  return failure;
}

}  // namespace

net::Task<gateway::Outcome<gateway::Opened>> DeviceUpstream::open(const gateway::Call& call,
                                                                  net::TimePoint deadline,
                                                                  net::Cancel& cancel) {
  const std::string& id = call.candidate().model;
  auto model = co_await obtain(device_, id, deadline, cancel);
  if (!model) co_return std::unexpected(failure_of(std::move(model).error()));
  tasks::Started started{
      .id = base::make_id(call.kind() == tasks::Kind::chat ? "chatcmpl-" : "cmpl-"),
      .model = id,
      .created_unix_s = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()),
      .system_fingerprint = (*model)->fingerprint,
      .service_tier = {}};
  auto request = co_await translate(device_, call, *std::move(model), deadline, cancel);
  if (!request) co_return std::unexpected(failure_of(std::move(request).error()));

  auto source = std::make_unique<DeviceSource>(*net::Loop::current(), deadline, cancel);
  source->put_first(std::move(started));
  for (const std::string& warning : request->warnings)
    base::LogLine(base::LogLevel::warning, "device").text("model", id).text("warning", warning).write();
  source->session()->tell_with_usage(std::move(request->pictures), std::move(request->warnings));
  if (auto accepted = device_.engine().submit(*std::move(request), source->session()); !accepted)
    co_return std::unexpected(failure_of(std::move(accepted).error()));
  if (auto begun = co_await source->begin(); !begun)
    co_return std::unexpected(failure_of(std::move(begun).error().error));
  co_return gateway::Opened{.headers = {}, .source = std::move(source)};
}

}  // namespace sluice::app::device
