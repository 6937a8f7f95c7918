// For tests of gateway and api: a provider that follows a script, connection by connection, and a client that
// sees raw bytes. Plain blocking sockets on threads of their own, so that they share nothing with net, which
// they judge. Every wait is bounded; a test that would hang fails instead.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/strings.h"

namespace sluice::hub::gateway::testing {

using namespace std::chrono_literals;
inline constexpr std::chrono::milliseconds kPatience{30'000};

struct RawMessage {
  std::string first_line;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;    // chunks joined
  bool whole = false;  // framing says that nothing is missing

  int status() const { return first_line.size() > 12 ? std::atoi(first_line.c_str() + 9) : 0; }
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers)
      if (base::equals_ignoring_case(key, name)) return value;
    return {};
  }
};

// One socket, read with patience.
class Wire {
 public:
  explicit Wire(int fd) : fd_(fd) {}
  Wire(Wire&& other) noexcept : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}
  ~Wire() { close(); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  static Wire connect_to(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return Wire(fd);
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // More bytes into the buffer; false at the end, on an error, or when patience is over.
  bool fill(std::chrono::milliseconds patience = kPatience) {
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, static_cast<int>(patience.count())) <= 0) return false;
    char bytes[65536];
    const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  // Everything up to and including `mark`, taken from the buffer; nullopt when it does not come.
  std::optional<std::string> read_through(std::string_view mark,
                                          std::chrono::milliseconds patience = kPatience) {
    for (;;) {
      if (const auto at = buffer_.find(mark); at != std::string::npos) return take(at + mark.size());
      if (!fill(patience)) return std::nullopt;
    }
  }

  std::optional<std::string> read_count(std::size_t count) {
    while (buffer_.size() < count)
      if (!fill()) return std::nullopt;
    return take(count);
  }

  // Whether the other side closes within `patience`; what it sends before is thrown away.
  bool sees_close(std::chrono::milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    for (;;) {
      const auto rest =
          std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      if (rest.count() <= 0) return false;
      pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, static_cast<int>(rest.count())) <= 0) return false;
      char bytes[4096];
      if (::recv(fd_, bytes, sizeof bytes, 0) <= 0) return true;
    }
  }

  // A request or an answer; nullopt when not even a head came.
  std::optional<RawMessage> read_message() {
    const auto head = read_through("\r\n\r\n");
    if (!head) return std::nullopt;
    RawMessage message;
    for (std::string_view line : base::split(*head, '\n')) {
      line = base::trim(line);
      if (line.empty()) continue;
      if (message.first_line.empty()) {
        message.first_line = line;
      } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
        message.headers.emplace_back(line.substr(0, colon), base::trim(line.substr(colon + 1)));
      }
    }
    read_body(message);
    return message;
  }

  std::string& buffer() { return buffer_; }
  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  // Closes so that the other side gets a reset.
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

 private:
  std::string take(std::size_t count) {
    std::string taken = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return taken;
  }

  void read_body(RawMessage& message) {
    if (base::equals_ignoring_case(message.header("transfer-encoding"), "chunked")) {
      for (;;) {
        const auto line = read_through("\r\n");
        if (!line) return;
        const auto size = std::strtoul(line->c_str(), nullptr, 16);
        if (size == 0) {
          message.whole = read_through("\r\n").has_value();
          return;
        }
        while (buffer_.size() < size)
          if (!fill()) {
            message.body += buffer_;
            return;
          }
        message.body += take(size);
        if (!read_through("\r\n")) return;
      }
    }
    const auto size =
        static_cast<std::size_t>(std::strtoul(message.header("content-length").c_str(), nullptr, 10));
    if (auto body = read_count(size)) {
      message.body = std::move(*body);
      message.whole = true;
    } else {
      message.body = std::move(buffer_);
    }
  }

  int fd_;
  std::string buffer_;
};

// A provider on a port of its own. `script` runs once per connection and may read and write as it likes; the
// connection closes when it returns.
class FakeProvider {
 public:
  using Script = std::function<void(Wire& wire)>;

  explicit FakeProvider(Script script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(listener_ >= 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(::listen(listener_, 128) == 0);
    socklen_t size = sizeof address;
    CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] { accept_all(); });
  }

  ~FakeProvider() {
    ::shutdown(listener_, SHUT_RDWR);
    accepting_.join();
    ::close(listener_);
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& thread : threads_) thread.join();
  }
  FakeProvider(const FakeProvider&) = delete;
  FakeProvider& operator=(const FakeProvider&) = delete;

  // Answers every request of a connection with the same bytes.
  static Script always(std::string answer) {
    return [answer = std::move(answer)](Wire& wire) {
      while (wire.read_message() && wire.send(answer)) {
      }
    };
  }

  std::uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int connections() const { return connections_; }

 private:
  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      ++connections_;
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const std::lock_guard lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd] {
        Wire wire(fd);
        script_(wire);
        const std::lock_guard forget(mutex_);
        std::erase(open_, fd);
        wire.close();
      });
    }
  }

  const Script script_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::thread accepting_;
  std::mutex mutex_;
  std::vector<int> open_;             // guarded by mutex_
  std::vector<std::thread> threads_;  // touched by the accepting thread, then by the destructor
};

inline std::string json_answer(std::string_view body, std::string_view status = "200 OK",
                               std::string_view more_headers = "") {
  return "HTTP/1.1 " + std::string(status) + "\r\ncontent-type: application/json\r\n" +
         std::string(more_headers) + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

inline constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
inline constexpr std::string_view kStreamEnd = "0\r\n\r\n";

inline std::string chunk(std::string_view bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + std::string(bytes) + "\r\n";
}

// A chunk of a chat stream with this text.
inline std::string delta(std::string_view text) {
  return "data: "
         "{\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"up\",\"choices\":"
         "[{\"index\":0,\"delta\":{\"content\":\"" +
         std::string(text) + "\"},\"finish_reason\":null}]}\n\n";
}
inline constexpr std::string_view kFinish =
    "data: {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"up\",\"choices\":"
    "[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
inline constexpr std::string_view kUsage =
    "data: "
    "{\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"up\",\"choices\":[],"
    "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}}\n\n";
inline constexpr std::string_view kDone = "data: [DONE]\n\n";

inline constexpr std::string_view kChatReply =
    R"({"id":"c-1", "object":"chat.completion","created":1,"model":"up","choices":[{"index":0,)"
    R"("message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],)"
    R"("usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}})";

inline std::string request_bytes(std::string_view method, std::string_view path, std::string_view body,
                                 std::string_view more_headers = "") {
  std::string out = std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nhost: localhost\r\n" +
                    std::string(more_headers);
  if (!body.empty() || method == "POST") {
    if (more_headers.find("content-type") == std::string_view::npos)
      out += "content-type: application/json\r\n";
    out += "content-length: " + std::to_string(body.size()) + "\r\n";
  }
  return out + "\r\n" + std::string(body);
}

inline std::string chat_body(std::string_view model, bool stream, std::string_view more = "") {
  return R"({"model":")" + std::string(model) + R"(","messages":[{"role":"user","content":"hi"}])" +
         (stream ? R"(,"stream":true)" : "") + std::string(more) + "}";
}

// Answers everything: "a" when asked for a stream, else kChatReply.
inline FakeProvider::Script healthy() {
  return [](Wire& wire) {
    while (auto request = wire.read_message()) {
      if (request->body.find("\"stream\":true") == std::string::npos)
        wire.send(json_answer(kChatReply));
      else
        wire.send(std::string(kStreamHead) + chunk(delta("a") + std::string(kFinish) + std::string(kDone)) +
                  std::string(kStreamEnd));
    }
  };
}

}  // namespace sluice::hub::gateway::testing
