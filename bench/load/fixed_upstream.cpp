// An inference provider reduced to its bytes: one thread, plain epoll, answers prepared beforehand.
//
//   fixed_upstream [--port N]        prints "port N" and serves until it is killed
//
// What it answers depends on the request's target alone (bodies are counted off, never looked at):
//   /fixed/...        a chat completion of about 600 bytes, with content-length
//   /burst/...        a stream of 66 events in one write, usage and [DONE] included
//   /anthropic/...    the same words as an Anthropic message, and /anthropic-burst/... as its stream in one
//   write
//   /gemini/...       likewise as Gemini writes them, and /gemini-burst/...
//   /paced/<us>/...   the same events as /burst/, one every <us> microseconds; the content of event n is "
//   w<n>" /stamped/<us>/<n>/...   n such events, each with the nanosecond of the steady clock at which it
//   left in "sent" /flaky/...        by turns /fixed/ or /burst/ (where the body says "stream":true), and one
//   fault of each kind
// Requests with a chunked body are refused: neither proxy under test sends one.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kWords = 62;  // with role, finish, usage and [DONE]: 66 events
constexpr std::size_t kHeadBytesMax = 64 << 10;
constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    "transfer-encoding: chunked\r\n\r\n";

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

std::string chunk_of(std::string_view bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + std::string(bytes) + "\r\n";
}

std::string event_of(const std::string& choices, const std::string& more) {
  return "data: "
         "{\"id\":\"chatcmpl-fixed0123456789\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
         "\"model\":\"fixed/model\",\"choices\":[" +
         choices + "]" + more + "}\n\n";
}

std::vector<std::string> make_events() {
  const auto choice = [](const std::string& delta, const char* reason) {
    return "{\"index\":0,\"delta\":{" + delta + "},\"finish_reason\":" + reason + "}";
  };
  std::vector<std::string> events;
  events.push_back(event_of(choice(R"("role":"assistant","content":"")", "null"), ""));
  for (int n = 0; n < kWords; ++n) {
    events.push_back(event_of(choice("\"content\":\" w" + std::to_string(n) + "\"", "null"), ""));
  }
  events.push_back(event_of(choice("", "\"stop\""), ""));
  events.push_back(event_of("", R"(,"usage":{"prompt_tokens":20,"completion_tokens":62,"total_tokens":82})"));
  events.push_back("data: [DONE]\n\n");
  for (std::string& event : events) event = chunk_of(event);
  events.back() += "0\r\n\r\n";
  return events;
}

std::string make_text() {
  std::string text;
  for (int n = 0; n < kWords; ++n) text += " w" + std::to_string(n);
  return text;
}

std::string reply_of(const std::string& body) {
  return "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string join(const std::vector<std::string>& events) {
  std::string all(kStreamHead);
  for (const std::string& event : events) all += event;
  return all;
}

std::string make_anthropic_message() {
  return reply_of(R"({"id":"msg_fixed0123456789","type":"message","role":"assistant","model":"fixed-model",)"
                  R"("content":[{"type":"text","text":")" +
                  make_text() +
                  R"("}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":20,)"
                  R"("cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":62}})");
}

std::string make_anthropic_burst() {
  const auto event = [](const std::string& type, const std::string& more) {
    return chunk_of("event: " + type + "\ndata: {\"type\":\"" + type + "\"" + more + "}\n\n");
  };
  std::vector<std::string> events;
  events.push_back(event("message_start",
                         R"(,"message":{"id":"msg_fixed0123456789","type":"message","role":"assistant",)"
                         R"("model":"fixed-model","content":[],"stop_reason":null,"stop_sequence":null,)"
                         R"("usage":{"input_tokens":20,"output_tokens":1}})"));
  events.push_back(event("content_block_start", R"(,"index":0,"content_block":{"type":"text","text":""})"));
  for (int n = 0; n < kWords; ++n) {
    events.push_back(event("content_block_delta", R"(,"index":0,"delta":{"type":"text_delta","text":" w)" +
                                                      std::to_string(n) + "\"}"));
  }
  events.push_back(event("content_block_stop", R"(,"index":0)"));
  events.push_back(
      event("message_delta",
            R"(,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":62})"));
  events.push_back(event("message_stop", "") + "0\r\n\r\n");
  return join(events);
}

std::string gemini_of(const std::string& text, const char* finish) {
  return R"({"candidates":[{"content":{"parts":[{"text":")" + text + R"("}],"role":"model"})" + finish +
         R"(,"index":0}],"usageMetadata":{"promptTokenCount":20,"candidatesTokenCount":62,"totalTokenCount":82},)"
         R"("modelVersion":"fixed-model","responseId":"fixed0123456789"})";
}
constexpr const char* kGeminiStop = R"(,"finishReason":"STOP")";

std::string make_gemini_burst() {
  std::vector<std::string> events;
  for (int n = 0; n < kWords; ++n) {
    events.push_back(chunk_of(
        "data: " + gemini_of(" w" + std::to_string(n), n + 1 == kWords ? kGeminiStop : "") + "\r\n\r\n"));
  }
  events.back() += "0\r\n\r\n";
  return join(events);
}

std::string make_completion() {
  const std::string text = make_text();
  const std::string body =
      R"({"id":"chatcmpl-fixed0123456789","object":"chat.completion","created":1700000000,)"
      R"("model":"fixed/model","choices":[{"index":0,"message":{"role":"assistant","content":")" +
      text +
      R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":62,"total_tokens":82}})";
  return reply_of(body);
}

struct Connection {
  std::uint64_t generation = 0;  // a descriptor number is used again; a timer must not meet the next owner
  std::string head;              // bytes of a request head that is not complete
  std::size_t body_left = 0;
  bool in_body = false;
  std::string target;
  std::string out;  // what the socket did not take
  std::chrono::microseconds pace{};
  std::size_t next_event = 0;  // of a paced answer
  std::size_t stamped = 0;     // events of a stamped answer; 0: the prepared ones
  bool streams = false;        // the body asked for a stream
};

struct Due {
  Clock::time_point when;
  int fd;
  std::uint64_t generation;
  bool operator<(const Due& other) const { return when > other.when; }
};

class Upstream {
 public:
  explicit Upstream(int port) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int one = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("bind");
    if (listen(listener_, 4096) != 0) die("listen");
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    std::printf("port %d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    watch(listener_, EPOLLIN);
    watch(timer_, EPOLLIN);
  }

  [[noreturn]] void serve() {
    epoll_event events[256];
    for (;;) {
      const int count = epoll_wait(epoll_, events, 256, -1);
      if (count < 0 && errno != EINTR) die("epoll_wait");
      for (int i = 0; i < count; ++i) {
        const int fd = events[i].data.fd;
        if (fd == listener_) {
          accept_all();
        } else if (fd == timer_) {
          std::uint64_t ticks = 0;
          if (read(timer_, &ticks, sizeof ticks) < 0 && errno != EAGAIN) die("timer");
        } else {
          serve_connection(fd, events[i].events);
        }
      }
      send_due();
    }
  }

 private:
  void watch(int fd, std::uint32_t what) {
    epoll_event event{};
    event.events = what;
    event.data.fd = fd;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  }

  void accept_all() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int one = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      connections_[fd].generation = ++generations_;
      watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    }
  }

  void close_connection(int fd) {
    close(fd);
    connections_.erase(fd);
  }

  void serve_connection(int fd, std::uint32_t what) {
    const auto found = connections_.find(fd);
    if (found == connections_.end()) return;
    Connection& connection = found->second;
    if ((what & (EPOLLERR | EPOLLHUP)) != 0 || !flush(fd, connection)) return close_connection(fd);
    for (;;) {
      const ssize_t size = recv(fd, buffer_.data(), buffer_.size(), 0);
      if (size < 0 && errno == EAGAIN) return;
      if (size <= 0) return close_connection(fd);
      if (!take(fd, connection, std::string_view(buffer_.data(), static_cast<std::size_t>(size)))) {
        return close_connection(fd);
      }
    }
  }

  // False: the peer is not worth talking to any longer.
  bool take(int fd, Connection& connection, std::string_view bytes) {
    while (!bytes.empty()) {
      if (!connection.in_body) {
        const std::size_t before = connection.head.size();
        connection.head.append(bytes);
        const std::size_t end = connection.head.find("\r\n\r\n", before < 3 ? 0 : before - 3);
        if (end == std::string::npos) return connection.head.size() < kHeadBytesMax;
        bytes.remove_prefix(end + 4 - before);
        if (!read_head(connection, std::string_view(connection.head).substr(0, end + 2))) return false;
      }
      const std::size_t now = std::min(connection.body_left, bytes.size());
      if (bytes.substr(0, now).find("\"stream\":true") != std::string_view::npos ||
          bytes.substr(0, now).find("\"stream\": true") != std::string_view::npos)
        connection.streams = true;
      connection.body_left -= now;
      bytes.remove_prefix(now);
      if (connection.body_left == 0 && !finish_request(fd, connection)) return false;
    }
    return true;
  }

  static bool read_head(Connection& connection, std::string_view head) {
    const std::size_t first = head.find(' ');
    const std::size_t second = head.find(' ', first + 1);
    if (second == std::string_view::npos) return false;
    connection.target = head.substr(first + 1, second - first - 1);
    connection.body_left = 0;
    for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
      const std::size_t end = head.find("\r\n", at);
      const std::string_view line = head.substr(at, end - at);
      at = end + 2;
      constexpr std::string_view kLength = "content-length:";
      if (line.size() > kLength.size() && strncasecmp(line.data(), kLength.data(), kLength.size()) == 0) {
        std::string_view number = line.substr(kLength.size());
        number.remove_prefix(std::min(number.find_first_not_of(' '), number.size()));
        std::from_chars(number.data(), number.data() + number.size(), connection.body_left);
      } else if (strncasecmp(line.data(), "transfer-encoding:", 18) == 0) {
        return false;
      }
    }
    connection.in_body = true;
    connection.streams = false;
    return true;
  }

  bool finish_request(int fd, Connection& connection) {
    connection.in_body = false;
    connection.head.clear();
    const std::string_view target = connection.target;
    if (target.starts_with("/fixed/")) return write(fd, connection, completion_);
    if (target.starts_with("/burst/")) return write(fd, connection, burst_);
    if (target.starts_with("/anthropic/")) return write(fd, connection, anthropic_);
    if (target.starts_with("/anthropic-burst/")) return write(fd, connection, anthropic_burst_);
    if (target.starts_with("/gemini/")) return write(fd, connection, gemini_);
    if (target.starts_with("/gemini-burst/")) return write(fd, connection, gemini_burst_);
    if (target.starts_with("/good/")) return write(fd, connection, connection.streams ? burst_ : completion_);
    if (target.starts_with("/flaky/")) return answer_flaky(fd, connection);
    const bool stamped = target.starts_with("/stamped/");
    if (stamped || target.starts_with("/paced/")) {
      std::int64_t pace = 0;
      const char* const end = target.data() + target.size();
      const auto read = std::from_chars(target.data() + (stamped ? 9 : 7), end, pace);
      connection.stamped = 0;
      if (stamped && read.ptr < end) std::from_chars(read.ptr + 1, end, connection.stamped);
      connection.pace = std::chrono::microseconds(pace);
      connection.next_event = 0;
      if (!write(fd, connection, kStreamHead)) return false;
      plan(fd, connection, Clock::now() + connection.pace);
      return true;
    }
    return write(fd, connection, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
  }

  // One answer in three is whole; the others fail in the ways that providers do, each in its turn.
  bool answer_flaky(int fd, Connection& connection) {
    const std::string& whole = connection.streams ? burst_ : completion_;
    const auto refuse = [&](const char* status, const char* more) {
      constexpr std::string_view kBody = R"({"error":{"message":"flaky","type":"server_error"}})";
      return write(fd, connection,
                   std::string("HTTP/1.1 ") + status + "\r\ncontent-type: application/json\r\n" + more +
                       "content-length: " + std::to_string(kBody.size()) + "\r\n\r\n" + std::string(kBody));
    };
    const auto cut_at = [&](std::size_t size) {
      write(fd, connection, std::string_view(whole).substr(0, size));
      return false;  // the connection goes
    };
    switch (turns_++ % 12) {
      case 1:
        return false;
      case 3:
        return refuse("500 Internal Server Error", "");
      case 4:
        return refuse("429 Too Many Requests", "retry-after: 1\r\n");
      case 6:
        return cut_at(whole.size() / 2);
      case 7:
        return cut_at(whole.find("\r\n\r\n") + 4);
      case 8:
        return write(fd, connection,
                     "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>");
      case 9:
        return refuse("503 Service Unavailable", "");
      case 11:
        return write(fd, connection,
                     "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 0\r\n\r\n");
      default:
        return write(fd, connection, whole);
    }
  }

  void plan(int fd, const Connection& connection, Clock::time_point when) {
    due_.push({when, fd, connection.generation});
    if (due_.top().fd == fd) set_timer();
  }

  void set_timer() {
    itimerspec spec{};
    const auto since = due_.top().when.time_since_epoch();
    spec.it_value.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(since).count();
    spec.it_value.tv_nsec = (since - std::chrono::duration_cast<std::chrono::seconds>(since)).count();
    timerfd_settime(timer_, TFD_TIMER_ABSTIME, &spec, nullptr);
  }

  void send_due() {
    while (!due_.empty() && due_.top().when <= Clock::now()) {
      const Due due = due_.top();
      due_.pop();
      const auto found = connections_.find(due.fd);
      if (found == connections_.end() || found->second.generation != due.generation) continue;
      Connection& connection = found->second;
      const std::size_t at = connection.next_event++;
      const std::size_t last = connection.stamped > 0 ? connection.stamped : events_.size() - 1;
      const bool sent = connection.stamped == 0 ? write(due.fd, connection, events_[at])
                        : at < last             ? write(due.fd, connection, stamped_event(at))
                                                : write(due.fd, connection, stream_end_);
      if (!sent) {
        close_connection(due.fd);
      } else if (at < last) {
        // From the planned time, not from now: a late event must not shift the rest.
        due_.push({due.when + connection.pace, due.fd, due.generation});
      }
    }
    if (!due_.empty()) set_timer();
  }

  static std::string stamped_event(std::size_t number) {
    const auto now =
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
    return chunk_of(event_of(
        "{\"index\":0,\"delta\":{\"content\":\" w" + std::to_string(number) + "\"},\"finish_reason\":null}",
        ",\"sent\":" + std::to_string(now)));
  }

  static bool flush(int fd, Connection& connection) {
    if (connection.out.empty()) return true;
    const std::string waiting = std::exchange(connection.out, {});
    return write(fd, connection, waiting);
  }

  static bool write(int fd, Connection& connection, std::string_view bytes) {
    while (connection.out.empty() && !bytes.empty()) {
      const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) break;
      if (sent < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    connection.out.append(bytes);
    return true;
  }

  const std::vector<std::string> events_ = make_events();
  const std::string burst_ = join(events_);
  const std::string stream_end_ = events_[kWords + 1] + events_[kWords + 2] + events_[kWords + 3];
  const std::string completion_ = make_completion();
  const std::string anthropic_ = make_anthropic_message();
  const std::string anthropic_burst_ = make_anthropic_burst();
  const std::string gemini_ = reply_of(gemini_of(make_text(), kGeminiStop));
  const std::string gemini_burst_ = make_gemini_burst();
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  int listener_ = -1;
  int timer_ = -1;
  std::uint64_t generations_ = 0;
  std::uint64_t turns_ = 0;
  std::unordered_map<int, Connection> connections_;
  std::priority_queue<Due> due_;
  std::vector<char> buffer_ = std::vector<char>(256 << 10);
};

}  // namespace

int main(int argc, char** argv) {
  int port = 0;
  if (argc == 3 && std::string_view(argv[1]) == "--port") {
    port = std::atoi(argv[2]);
  } else if (argc != 1) {
    std::fprintf(stderr, "usage: fixed_upstream [--port N]\n");
    return 2;
  }
  Upstream(port).serve();
}
