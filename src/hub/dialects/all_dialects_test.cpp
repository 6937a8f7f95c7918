// The contract every dialect keeps; a new row of the table is tested the moment it joins.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/random.h"
#include "hub/catalog/catalog.h"
#include "hub/dialects/dialect.h"
#include "hub/dialects/splicer.h"

namespace sluice::hub::dialects {
namespace {

using testing::HasSubstr;

// A provider that speaks `dialect` and offers everything.
catalog::Provider provider_speaking(const Dialect& dialect) {
  catalog::Surface surface;
  surface.dialect = dialect.name;
  surface.base_url = "https://api.example.com";
  for (std::size_t kind = 0; kind < tasks::kKindNames.size(); ++kind)
    surface.paths[static_cast<tasks::Kind>(kind)] = "/models/{model}";
  catalog::Provider provider;
  provider.id = "example";
  provider.surfaces = {std::move(surface)};
  return provider;
}

TEST(hub_dialects_all_dialects, have_names_of_their_own) {
  std::set<std::string_view> names;
  for (const Dialect* dialect : all_dialects()) {
    EXPECT_FALSE(dialect->name.empty());
    EXPECT_TRUE(names.insert(dialect->name).second) << dialect->name;
    EXPECT_EQ(find_dialect(dialect->name), dialect);
    EXPECT_TRUE(dialect->upstream || dialect->downstream) << dialect->name;
  }
  EXPECT_EQ(find_dialect("klingon"), nullptr);
}

TEST(hub_dialects_all_dialects, serve_every_provider_file) {
  for (const catalog::ProviderPtr& provider : catalog::Catalog::built_in()->providers()) {
    if (!provider->not_built.empty()) continue;
    for (const catalog::Surface& surface : provider->surfaces) {
      const Dialect* dialect = find_dialect(surface.dialect);
      ASSERT_NE(dialect, nullptr) << provider->id << ": no dialect '" << surface.dialect << "'";
      ASSERT_TRUE(dialect->upstream) << provider->id;
      for (const catalog::Quirk& quirk : surface.quirks) EXPECT_EQ(refuse_quirk(quirk), "") << provider->id;
      // The hub's own struct becomes one request to the provider's own address, with nothing of ours in it.
      if (!surface.offers(tasks::Kind::chat)) continue;
      tasks::ChatRequest request;
      request.messages.emplace_back().parts.emplace_back(tasks::TextPart{"hi"});
      auto begun = dialect->upstream->begin({.provider = provider.get(),
                                             .surface = &surface,
                                             .kind = tasks::Kind::chat,
                                             .model = "their/model",
                                             .request = &request});
      ASSERT_TRUE(begun) << provider->id << ": " << begun.error().message;
      EXPECT_THAT(begun->dropped, testing::IsEmpty()) << provider->id;
      auto step = begun->machine->next();
      ASSERT_TRUE(step && std::holds_alternative<Send>(*step)) << provider->id;
      const Send& send = std::get<Send>(*step);
      EXPECT_EQ(send.request.target,
                catalog::url_of(*provider, surface, tasks::Kind::chat, "their/model", false).value());
      EXPECT_THAT(send.request.target + http::to_string(send.request.body), HasSubstr("their/model"));
      EXPECT_FALSE(send.request.headers.contains("authorization"));
      EXPECT_FALSE(begun->machine->next()) << "waits for the answer";
    }
  }
}

// Whatever bytes come, in whatever pieces: one end, no crash, and never Done without a finished choice.
TEST(hub_dialects_all_dialects, survive_rubbish_from_providers) {
  constexpr std::string_view kPieces[] = {"data: ",
                                          "{",
                                          "}",
                                          "\n\n",
                                          "\"choices\":[",
                                          "]",
                                          "\"index\":0",
                                          ",",
                                          ":",
                                          "null",
                                          "\"usage\":{\"prompt_tokens\":1}",
                                          "[DONE]",
                                          "\"finish_reason\":\"stop\"",
                                          "\"error\":",
                                          "\xFF",
                                          "event: x\n"};
  for (const Dialect* dialect : all_dialects()) {
    if (!dialect->upstream) continue;
    const catalog::Provider provider = provider_speaking(*dialect);
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
      base::Random random(seed);
      tasks::ChatRequest request;
      request.messages.emplace_back().parts.emplace_back(tasks::TextPart{"hi"});
      request.stream = random.below(2) == 0;
      auto begun = dialect->upstream->begin({.provider = &provider,
                                             .surface = &provider.primary(),
                                             .kind = tasks::Kind::chat,
                                             .model = "m",
                                             .request = &request});
      ASSERT_TRUE(begun);
      UpstreamMachine& machine = *begun->machine;
      machine.next();
      http::ResponseHead head{.status = random.below(4) == 0 ? 500 : 200, .headers = {}};
      head.headers.add("content-type", request.stream ? "text/event-stream" : "application/json");
      machine.feed_head(head);
      std::size_t ends = 0, finished = 0;
      const auto drain = [&] {
        while (ends == 0) {
          const auto step = begun->machine->next();
          if (!step) return;
          if (const auto* emit = std::get_if<Emit>(&*step)) {
            for (const auto& event : emit->events)
              finished += std::holds_alternative<tasks::Finished>(event) ? 1 : 0;
          }
          if (std::holds_alternative<Done>(*step)) EXPECT_GT(finished, 0U) << "seed " << seed;
          ends += std::holds_alternative<Done>(*step) || std::holds_alternative<Fail>(*step) ? 1 : 0;
        }
      };
      for (std::uint64_t i = random.below(30); i > 0 && ends == 0; --i) {
        machine.feed_body(http::Slice::borrowed(kPieces[random.below(std::size(kPieces))]));
        drain();
      }
      if (ends == 0) machine.feed_end();
      drain();
      EXPECT_EQ(ends, 1U) << "seed " << seed;
    }
  }
}

// A downstream half reads what its own upstream half writes, and explains what it refuses.
TEST(hub_dialects_all_dialects, read_their_own_requests) {
  for (const Dialect* dialect : all_dialects()) {
    if (!dialect->downstream || !dialect->upstream) continue;
    const DownstreamHalf& front = *dialect->downstream;
    tasks::ChatRequest request;
    request.messages.emplace_back().parts.emplace_back(tasks::TextPart{"h\xC3\xA9llo \"you\""});
    request.output_max = tasks::Tokens{12};
    request.stream = true;
    const catalog::Provider provider = provider_speaking(*dialect);
    auto begun = dialect->upstream->begin({.provider = &provider,
                                           .surface = &provider.primary(),
                                           .kind = tasks::Kind::chat,
                                           .model = "a/b",
                                           .request = &request});
    ASSERT_TRUE(begun);
    const auto step = begun->machine->next();
    const auto scanned = front.scan(tasks::Kind::chat, http::flatten(std::get<Send>(*step).request.body));
    ASSERT_TRUE(scanned) << dialect->name << ": " << scanned.error().message;
    const auto decoded = front.decode_chat(*scanned);
    ASSERT_TRUE(decoded) << dialect->name << ": " << decoded.error().message;
    EXPECT_EQ(decoded->model, "a/b");
    EXPECT_TRUE(decoded->stream);
    EXPECT_EQ(decoded->output_max, request.output_max);
    EXPECT_EQ(std::get<tasks::TextPart>(decoded->messages[0].parts[0]).text, "h\xC3\xA9llo \"you\"");

    const auto refused = front.scan(tasks::Kind::chat, http::Slice::borrowed("{\"model\":"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, base::ErrorCode::invalid_argument);
    EXPECT_THAT(front.encode_error(refused.error()), HasSubstr("at byte 9"));
  }
}

}  // namespace
}  // namespace sluice::hub::dialects
