#include "net/transport/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "net/limits.h"

namespace sluice::net {

using base::ErrorCode;
using base::fail;

namespace {

struct Lookup {
  std::string host;
  std::uint16_t port = 0;
  // Written by the resolver thread before it posts, read on the loop after.
  std::vector<SocketAddress> addresses;
  std::string problem;
  // Guarded by mutex: null once the waiter has left, for its loop may be gone by then.
  std::mutex mutex;
  Loop* loop = nullptr;
  // Touched on the loop only; null once the waiter has left.
  Event* done = nullptr;
};

// Withdraws the waiter's name from the lookup when it leaves, however it leaves.
class Waiter {
 public:
  Waiter(std::shared_ptr<Lookup> lookup, Loop& loop, Event& done) : lookup_(std::move(lookup)) {
    lookup_->loop = &loop;
    lookup_->done = &done;
  }
  ~Waiter() {
    const std::lock_guard lock(lookup_->mutex);
    lookup_->loop = nullptr;
    lookup_->done = nullptr;
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

 private:
  const std::shared_ptr<Lookup> lookup_;
};

std::vector<SocketAddress> take_turns(const addrinfo* list) {
  std::vector<SocketAddress> families[2];
  const int first_family = list == nullptr ? AF_UNSPEC : list->ai_family;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.size = entry->ai_addrlen;
    families[entry->ai_family == first_family ? 0 : 1].push_back(address);
  }
  std::vector<SocketAddress> mixed;
  for (std::size_t i = 0; mixed.size() < kMaxAddresses; ++i) {
    const std::size_t before = mixed.size();
    for (const auto& family : families)
      if (i < family.size() && mixed.size() < kMaxAddresses) mixed.push_back(family[i]);
    if (mixed.size() == before) break;
  }
  return mixed;
}

void look_up(Lookup& lookup) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(lookup.host.c_str(), std::to_string(lookup.port).c_str(), &hints, &list);
  if (error != 0) {
    lookup.problem = ::gai_strerror(error);
    return;
  }
  lookup.addresses = take_turns(list);
  ::freeaddrinfo(list);
}

// Threads start as lookups come and stay. Never destroyed: a lookup may hang longer than the process lives.
class Resolver {
 public:
  static Resolver& get() {
    static auto& resolver = *new Resolver;
    return resolver;
  }

  bool submit(std::shared_ptr<Lookup> lookup) {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= kMaxLookupsWaiting) return false;
    queue_.push_back(std::move(lookup));
    if (idle_ < queue_.size() && threads_ < kMaxLookupThreads) {
      ++threads_;
      std::thread([this] { work(); }).detach();
    }
    wake_.notify_one();
    return true;
  }

 private:
  [[noreturn]] void work() {
    while (true) {
      std::shared_ptr<Lookup> lookup;
      {
        std::unique_lock lock(mutex_);
        ++idle_;
        wake_.wait(lock, [&] { return !queue_.empty(); });
        --idle_;
        lookup = std::move(queue_.front());
        queue_.pop_front();
      }
      look_up(*lookup);
      post_done(lookup);
    }
  }

  static void post_done(const std::shared_ptr<Lookup>& lookup) {
    const std::lock_guard lock(lookup->mutex);
    if (lookup->loop == nullptr) return;
    lookup->loop->post([lookup] {
      if (lookup->done != nullptr) lookup->done->set();
    });
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Lookup>> queue_;
  std::size_t idle_ = 0;
  std::size_t threads_ = 0;
};

}  // namespace

std::string SocketAddress::text() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET)
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, text, sizeof text);
  else if (storage.ss_family == AF_INET6)
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr, text, sizeof text);
  return text;
}

std::uint16_t SocketAddress::port() const {
  if (storage.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  if (storage.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
  return 0;
}

bool SocketAddress::is_loopback() const {
  if (storage.ss_family == AF_INET)
    return (ntohl(reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr.s_addr) >> 24) == 127;
  if (storage.ss_family != AF_INET6) return false;
  const in6_addr& address = reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&address) || (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127);
}

std::optional<SocketAddress> parse_address(const std::string& text, std::uint16_t port) {
  SocketAddress address;
  auto* four = reinterpret_cast<sockaddr_in*>(&address.storage);
  if (::inet_pton(AF_INET, text.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    address.size = sizeof *four;
    return address;
  }
  address.storage = {};
  auto* six = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET6, text.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    address.size = sizeof *six;
    return address;
  }
  return std::nullopt;
}

Task<base::Result<std::vector<SocketAddress>>> resolve(const std::string& host, std::uint16_t port,
                                                       TimePoint deadline, Cancel& cancel) {
  Loop& loop = *Loop::current();
  auto lookup = std::make_shared<Lookup>();
  lookup->host = host;
  lookup->port = port;
  Event done(loop);
  const Waiter waiter(lookup, loop, done);
  if (!Resolver::get().submit(lookup))
    co_return fail(ErrorCode::overloaded, "{} name lookups are waiting already", kMaxLookupsWaiting);
  SLUICE_CO_TRY_VOID(co_await done.wait(cancel, deadline));
  if (lookup->addresses.empty()) co_return fail(ErrorCode::upstream_failed, "{}", lookup->problem);
  co_return std::move(lookup->addresses);
}

}  // namespace sluice::net
