// Opens many streams at once and looks at every event: when it came, whether it was the next one, whether the
// stream ended as a whole one. Other load tools count bytes; a gateway's users see gaps and cuts.
//
//   stream_load --port N --target /v1/chat/completions --body FILE [--header "name: value"]...
//               [--streams N] [--total N] [--rate N]
//
// Each of --streams connections asks again until --total answers were seen; with --rate, no more than that
// many questions begin per second. An event counts when its content is " w<n>" (what fixed_upstream sends); n
// must rise by one from 0. Prints one JSON object:
//   streams        answers that came whole, in order, with [DONE] and complete framing
//   refused        answers with a status other than 200, by status
//   cut            answers that ended before their framing or without [DONE]
//   disordered     answers with an event missing, doubled or out of turn
//   left           streams that this client broke off after three words (--leave N: every Nth)
//   ttft_us, gap_us   percentiles: request sent to first word; between two words of one stream
//   late_us, added_gap_us   of words that say when they left: from then to here; what the way added to the
//   gap
// With --seconds no stream begins later than that. Exits 1 when anything but whole streams was seen, unless
// --faults says that they are expected. One thread, plain epoll; loopback only.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  int port = 0;
  std::string target;
  std::string body;
  std::vector<std::string> headers;
  int streams = 1;
  int total = 1;
  double rate = 0;     // questions a second; 0: as fast as answers come
  double seconds = 0;  // 0: until the total
  int leave = 0;       // every so-manyth stream is broken off; 0: none
  bool faults = false;
};

struct Stream {
  int fd = -1;
  std::string in;      // bytes not yet understood
  std::string events;  // body bytes that are not a whole event yet
  enum class Part { head, whole, size, data, data_end, trailer } part = Part::head;
  std::size_t chunk_left = 0;
  int status = 0;
  int words = 0;
  bool in_order = true;
  bool done_seen = false;
  bool leaves = false;
  Clock::time_point asked, last;
  std::int64_t last_sent_ns = 0;
};

struct Seen {
  int started = 0, ended = 0, whole = 0, cut = 0, disordered = 0, unconnected = 0, left = 0;
  std::map<int, int> refused;
  std::vector<float> ttft_us, gap_us, late_us, added_gap_us;
};

float microseconds(Clock::duration time) {
  return std::chrono::duration<float, std::micro>(time).count();
}

class Load {
 public:
  explicit Load(const Options& options) : options_(options) {
    request_ =
        "POST " + options.target + " HTTP/1.1\r\nhost: 127.0.0.1:" + std::to_string(options.port) +
        "\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(options.body.size()) +
        "\r\n";
    for (const std::string& header : options.headers) request_ += header + "\r\n";
    request_ += "\r\n" + options.body;
  }

  Seen run() {
    streams_.resize(static_cast<std::size_t>(options_.streams));
    for (Stream& stream : streams_) begin(stream);
    epoll_event events[256];
    while (seen_.ended < seen_.started || (!idle_.empty() && !is_over())) {
      const bool all_busy = idle_.empty() || is_over();
      const int count = epoll_wait(epoll_, events, 256, all_busy ? 60'000 : milliseconds_to_next());
      begin_due();
      if (count == 0 && all_busy) {
        std::fprintf(stderr, "stream_load: nothing came for 60 s\n");
        seen_.cut += seen_.started - seen_.ended;
        break;
      }
      const Clock::time_point now = Clock::now();
      for (int i = 0; i < count; ++i) receive(*static_cast<Stream*>(events[i].data.ptr), now);
    }
    return seen_;
  }

 private:
  void begin(Stream& stream) {
    if (options_.rate > 0) {
      idle_.push_back(&stream);
    } else {
      ask(stream);
    }
  }

  int milliseconds_to_next() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_start_ - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(0, left.count()));
  }

  bool is_over() const {
    return seen_.started == options_.total ||
           (options_.seconds > 0 && Clock::now() - began_ > std::chrono::duration<double>(options_.seconds));
  }

  void begin_due() {
    while (!is_over() && !idle_.empty() && next_start_ <= Clock::now()) {
      Stream* const stream = idle_.front();
      idle_.pop_front();
      next_start_ +=
          std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / options_.rate));
      ask(*stream);
    }
  }

  void ask(Stream& stream) {
    if (is_over()) return;
    ++seen_.started;
    if (stream.fd < 0 && !open(stream)) {
      ++seen_.unconnected;
      ++seen_.ended;
      return;
    }
    const int fd = stream.fd;
    stream = Stream{};
    stream.fd = fd;
    stream.leaves = options_.leave > 0 && seen_.started % options_.leave == 0;
    stream.asked = Clock::now();
    // Request bodies of this bench fit the socket buffer, or the peer reads them at once.
    for (std::string_view left = request_; !left.empty();) {
      const ssize_t sent = send(fd, left.data(), left.size(), MSG_NOSIGNAL);
      if (sent < 0) return end(stream, false);
      left.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  bool open(Stream& stream) {
    stream.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(options_.port));
    if (connect(stream.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      close(stream.fd);
      stream.fd = -1;
      return false;
    }
    const int one = 1;
    setsockopt(stream.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &stream;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, stream.fd, &event);
    return true;
  }

  void receive(Stream& stream, Clock::time_point now) {
    char buffer[64 << 10];
    const ssize_t size = recv(stream.fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) return end(stream, false);
    stream.in.append(buffer, static_cast<std::size_t>(size));
    while (advance(stream, now)) {
    }
    if (stream.leaves && stream.words >= 3) {
      ++seen_.left;
      leave(stream);
    }
  }

  // One step through the answer's framing; false when more bytes are needed or the answer is over.
  bool advance(Stream& stream, Clock::time_point now) {
    switch (stream.part) {
      case Stream::Part::head: {
        const std::size_t end_of_head = stream.in.find("\r\n\r\n");
        if (end_of_head == std::string::npos) return false;
        stream.status = std::atoi(stream.in.c_str() + 9);
        // An error is not read to its end: the connection goes instead.
        if (stream.status != 200) return end(stream, false), false;
        // What is not chunked is no stream: one word, with its own framing.
        std::string head = stream.in.substr(0, end_of_head);
        std::transform(head.begin(), head.end(), head.begin(),
                       [](unsigned char c) { return std::tolower(c); });
        const std::size_t length = head.find("\ncontent-length: ");
        stream.part = length == std::string::npos ? Stream::Part::size : Stream::Part::whole;
        if (length != std::string::npos)
          std::from_chars(stream.in.data() + length + 17, stream.in.data() + end_of_head, stream.chunk_left);
        stream.in.erase(0, end_of_head + 4);
        return true;
      }
      case Stream::Part::whole: {
        if (stream.in.size() < stream.chunk_left) return false;
        stream.in.erase(0, stream.chunk_left);
        stream.words = 1;
        stream.done_seen = true;
        return end(stream, true), false;
      }
      case Stream::Part::size: {
        const std::size_t end_of_line = stream.in.find("\r\n");
        if (end_of_line == std::string::npos) return false;
        std::from_chars(stream.in.data(), stream.in.data() + end_of_line, stream.chunk_left, 16);
        stream.in.erase(0, end_of_line + 2);
        stream.part = stream.chunk_left == 0 ? Stream::Part::trailer : Stream::Part::data;
        return true;
      }
      case Stream::Part::data: {
        const std::size_t size = std::min(stream.chunk_left, stream.in.size());
        stream.events.append(stream.in, 0, size);
        stream.in.erase(0, size);
        stream.chunk_left -= size;
        read_events(stream, now);
        if (stream.chunk_left > 0) return false;
        stream.part = Stream::Part::data_end;
        return true;
      }
      case Stream::Part::data_end:
      case Stream::Part::trailer: {
        if (stream.in.size() < 2) return false;
        stream.in.erase(0, 2);
        if (stream.part == Stream::Part::trailer) return end(stream, true), false;
        stream.part = Stream::Part::size;
        return true;
      }
    }
    return false;
  }

  void read_events(Stream& stream, Clock::time_point now) {
    std::size_t begin = 0;
    for (std::size_t at; (at = stream.events.find("\n\n", begin)) != std::string::npos; begin = at + 2) {
      const std::string_view event = std::string_view(stream.events).substr(begin, at - begin);
      if (event == "data: [DONE]") stream.done_seen = true;
      const std::size_t word = event.find("\"content\":\" w");
      if (word == std::string_view::npos) continue;
      int number = -1;
      std::from_chars(event.data() + word + 13, event.data() + event.size(), number);
      stream.in_order = stream.in_order && number == stream.words;
      if (stream.words++ == 0) {
        seen_.ttft_us.push_back(microseconds(now - stream.asked));
      } else {
        seen_.gap_us.push_back(microseconds(now - stream.last));
      }
      if (const std::size_t sent = event.find("\"sent\":"); sent != std::string_view::npos) {
        std::int64_t sent_ns = 0;
        std::from_chars(event.data() + sent + 7, event.data() + event.size(), sent_ns);
        const auto way = now - Clock::time_point(std::chrono::nanoseconds(sent_ns));
        seen_.late_us.push_back(microseconds(way));
        if (stream.last_sent_ns != 0)
          seen_.added_gap_us.push_back(
              microseconds((now - stream.last) - std::chrono::nanoseconds(sent_ns - stream.last_sent_ns)));
        stream.last_sent_ns = sent_ns;
      }
      stream.last = now;
    }
    stream.events.erase(0, begin);
  }

  void end(Stream& stream, bool framed) {
    ++seen_.ended;
    if (stream.status != 200 && stream.status != 0) {
      ++seen_.refused[stream.status];
    } else if (!framed || !stream.done_seen) {
      ++seen_.cut;
    } else if (!stream.in_order || stream.words == 0) {
      ++seen_.disordered;
    } else {
      ++seen_.whole;
    }
    if (!framed) {
      close(stream.fd);
      stream.fd = -1;
    }
    begin(stream);
  }

  void leave(Stream& stream) {
    ++seen_.ended;
    close(stream.fd);
    stream.fd = -1;
    stream.leaves = false;
    begin(stream);
  }

  const Options& options_;
  std::string request_;
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<Stream> streams_;
  std::deque<Stream*> idle_;  // waiting for their turn under --rate
  const Clock::time_point began_ = Clock::now();
  Clock::time_point next_start_ = began_;
  Seen seen_;
};

void print_percentiles(const char* name, std::vector<float> values) {
  std::sort(values.begin(), values.end());
  std::printf(",\"%s\":{\"count\":%zu", name, values.size());
  for (const double percent : {50.0, 90.0, 99.0, 99.9, 100.0}) {
    if (values.empty()) break;
    const auto at = static_cast<std::size_t>(percent / 100 * static_cast<double>(values.size() - 1) + 0.5);
    std::printf(",\"p%g\":%.0f", percent, static_cast<double>(values[at]));
  }
  std::printf("}");
}

bool parse(int argc, char** argv, Options& options) {
  if (argc > 1 && std::string_view(argv[argc - 1]) == "--faults") {
    options.faults = true;
    --argc;
  }
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--port") {
      options.port = std::atoi(value);
    } else if (name == "--target") {
      options.target = value;
    } else if (name == "--header") {
      options.headers.emplace_back(value);
    } else if (name == "--streams") {
      options.streams = std::atoi(value);
    } else if (name == "--total") {
      options.total = std::atoi(value);
    } else if (name == "--seconds") {
      options.seconds = std::atof(value);
      options.total = std::numeric_limits<int>::max();
    } else if (name == "--leave") {
      options.leave = std::atoi(value);
    } else if (name == "--rate") {
      options.rate = std::atof(value);
    } else if (name == "--body") {
      std::ifstream file(value, std::ios::binary);
      options.body.assign(std::istreambuf_iterator<char>(file), {});
      if (options.body.empty()) return false;
    } else {
      return false;
    }
  }
  return argc % 2 == 1 && options.port > 0 && !options.target.empty() && !options.body.empty() &&
         options.streams > 0 && options.total > 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: stream_load --port N --target PATH --body FILE [--header LINE]... [--streams N] "
                 "[--total N] [--rate N] [--seconds N] [--leave N] [--faults]\n");
    return 2;
  }
  const Seen seen = Load(options).run();
  std::printf("{\"streams\":%d,\"cut\":%d,\"disordered\":%d,\"unconnected\":%d,\"left\":%d,\"refused\":{",
              seen.whole, seen.cut, seen.disordered, seen.unconnected, seen.left);
  const char* comma = "";
  for (const auto& [status, count] : seen.refused) {
    std::printf("%s\"%d\":%d", comma, status, count);
    comma = ",";
  }
  std::printf("}");
  print_percentiles("ttft_us", seen.ttft_us);
  print_percentiles("gap_us", seen.gap_us);
  if (!seen.late_us.empty()) {
    print_percentiles("late_us", seen.late_us);
    print_percentiles("added_gap_us", seen.added_gap_us);
  }
  std::printf("}\n");
  return options.faults || (seen.whole + seen.left == seen.started && seen.started > 0) ? 0 : 1;
}
