#include "hub/gateway/stream_writer.h"

#include <algorithm>

#include "net/alarms.h"

namespace sluice::hub::gateway {
// The writers in a chain of links, and the alarm that is set while there are any.
struct Heartbeat::State {
  explicit State(net::Loop& loop) : alarm(loop.alarms(), [this] { beat(); }) {}

  void add(StreamWriter& writer) {
    writer.next_ = first;
    if (first != nullptr) first->previous_ = &writer;
    first = &writer;
    if (!ticking) tick(writer.period_);
  }

  void remove(StreamWriter& writer) {
    (writer.previous_ != nullptr ? writer.previous_->next_ : first) = writer.next_;
    if (writer.next_ != nullptr) writer.next_->previous_ = writer.previous_;
  }

  // A silence is noticed a quarter of a period late at most.
  void tick(std::chrono::milliseconds period) {
    ticking = true;
    alarm.set(net::Clock::now() + std::max(period / 4, std::chrono::milliseconds(1)));
  }

  void beat() {
    ticking = false;
    if (first == nullptr) return;
    const auto now = net::Clock::now();
    auto shortest = first->period_;
    for (StreamWriter* writer = first; writer != nullptr; writer = writer->next_) {
      shortest = std::min(shortest, writer->period_);
      writer->beat_if_silent(now);
    }
    tick(shortest);
  }

  net::Alarm alarm;
  StreamWriter* first = nullptr;
  bool ticking = false;
};

Heartbeat::Heartbeat(net::Loop& loop) : state_(std::make_shared<State>(loop)) {}

Heartbeat::~Heartbeat() {
  state_->alarm.clear();
}

StreamWriter::StreamWriter(Heartbeat& heartbeat, net::Exchange& exchange, std::chrono::milliseconds period,
                           std::string_view beat)
    : heartbeat_(heartbeat.state_),
      exchange_(exchange),
      period_(period),
      beat_bytes_(beat),
      beat_done_(exchange.loop()) {}

StreamWriter::~StreamWriter() {
  if (open_) heartbeat_->remove(*this);
}

net::Task<base::Status> StreamWriter::begin(http::ResponseHead head) {
  auto begun = co_await exchange_.begin_stream(std::move(head));
  last_write_ = net::Clock::now();
  if (begun && period_.count() > 0 && !beat_bytes_.empty()) {
    open_ = true;
    heartbeat_->add(*this);
  }
  co_return begun;
}

net::Task<base::Status> StreamWriter::write(http::Body bytes) {
  while (beating_) SLUICE_CO_TRY_VOID(co_await beat_done_.wait(exchange_.cancel()));
  writing_ = true;
  auto written = co_await exchange_.write(std::move(bytes));
  writing_ = false;
  last_write_ = net::Clock::now();
  co_return written;
}

net::Task<void> StreamWriter::close() {
  if (open_) heartbeat_->remove(*this);
  open_ = false;
  // Its write ends when the client takes it, leaves, or is too slow for the server: no Cancel of ours.
  net::Cancel never;
  while (beating_) static_cast<void>(co_await beat_done_.wait(never));
}

void StreamWriter::beat_if_silent(net::TimePoint now) {
  if (writing_ || beating_ || now - last_write_ < period_) return;
  beating_ = true;
  exchange_.loop().spawn(beat());
}

net::Task<void> StreamWriter::beat() {
  http::Body comment;
  comment.push_back(http::Slice::borrowed(beat_bytes_));
  // A failure means that the client is gone, which the stream's own next step will meet.
  static_cast<void>(co_await exchange_.write(std::move(comment)));
  last_write_ = net::Clock::now();
  beating_ = false;
  beat_done_.set();
}

}  // namespace sluice::hub::gateway
