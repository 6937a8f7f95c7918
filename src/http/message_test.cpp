#include "http/message.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(http_message, knows_the_reasons) {
  EXPECT_EQ(reason_of(200), "OK");
  EXPECT_EQ(reason_of(100), "Continue");
  EXPECT_EQ(reason_of(500), "Internal Server Error");
  EXPECT_EQ(reason_of(529), "Overloaded");
  EXPECT_EQ(reason_of(99), "Unknown");
  EXPECT_EQ(reason_of(600), "Unknown");
}

TEST(http_message, takes_the_target_apart) {
  Request request;
  request.target = "/a/b?c=d?e";
  EXPECT_EQ(request.path(), "/a/b");
  EXPECT_EQ(request.query(), "c=d?e");
  request.target = "/a";
  EXPECT_EQ(request.path(), "/a");
  EXPECT_EQ(request.query(), "");
}

}  // namespace
}  // namespace sluice::http
