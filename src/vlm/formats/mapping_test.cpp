#include "vlm/formats/mapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>
#include <vector>

#include "vlm/formats/limits.h"

namespace sluice::vlm::formats {
namespace {

using testing::HasSubstr;

class vlm_formats_mapping : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::path(testing::TempDir()) /
            (std::string("mapping_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::ofstream(path_, std::ios::binary) << std::string(4 * page_ + 100, 'x');
  }
  void TearDown() override { std::filesystem::remove(path_); }

  static std::size_t count_of(const Mapping& mapping, char wanted) {
    std::size_t count = 0;
    for (const std::byte byte : mapping.bytes()) count += byte == static_cast<std::byte>(wanted);
    return count;
  }

  const std::size_t page_ = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::filesystem::path path_;
};

TEST_F(vlm_formats_mapping, a_file_that_stays_as_it_is_or_grows_is_whole) {
  const auto mapping = Mapping::open(path_);
  ASSERT_TRUE(mapping);
  EXPECT_EQ(count_of(*mapping, 'x'), 4 * page_ + 100);
  EXPECT_TRUE(mapping->check_whole());
  std::ofstream(path_, std::ios::app) << "more";
  EXPECT_TRUE(mapping->check_whole());
}

TEST_F(vlm_formats_mapping, a_file_cut_short_reads_as_zeros_and_says_so) {
  const auto mapping = Mapping::open(path_);
  ASSERT_TRUE(mapping);
  std::filesystem::resize_file(path_, page_);
  EXPECT_EQ(count_of(*mapping, 'x'), page_);
  EXPECT_EQ(count_of(*mapping, '\0'), 3 * page_ + 100);
  const auto whole = mapping->check_whole();
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().code, base::ErrorCode::io_failed);
  EXPECT_THAT(whole.error().message, HasSubstr("a_file_cut_short"));
  EXPECT_THAT(whole.error().message, HasSubstr("cut to " + std::to_string(page_)));
  // The zeros stay when the file has its size again.
  std::filesystem::resize_file(path_, 4 * page_ + 100);
  EXPECT_FALSE(mapping->check_whole());
}

// The system gives the rest of a file's last page as zeros without a signal.
TEST_F(vlm_formats_mapping, a_file_cut_inside_a_page_says_so) {
  const auto mapping = Mapping::open(path_);
  ASSERT_TRUE(mapping);
  std::filesystem::resize_file(path_, 4 * page_ + 99);
  EXPECT_FALSE(mapping->check_whole());
}

TEST_F(vlm_formats_mapping, another_mapping_and_other_threads_go_on) {
  const std::filesystem::path other_path = path_.string() + "_other";
  std::filesystem::copy_file(path_, other_path, std::filesystem::copy_options::overwrite_existing);
  auto cut = Mapping::open(path_);
  auto other = Mapping::open(other_path);
  ASSERT_TRUE(cut && other);
  std::filesystem::resize_file(path_, 0);
  std::vector<std::thread> threads;
  std::vector<std::size_t> zeros(4);
  for (std::size_t& count : zeros) threads.emplace_back([&] { count = count_of(*cut, '\0'); });
  for (std::thread& thread : threads) thread.join();
  for (const std::size_t count : zeros) EXPECT_EQ(count, 4 * page_ + 100);
  const Mapping moved = *std::move(cut);
  EXPECT_FALSE(moved.check_whole());
  EXPECT_TRUE(other->check_whole());
  EXPECT_EQ(count_of(*other, 'x'), 4 * page_ + 100);
  std::filesystem::remove(other_path);
}

TEST_F(vlm_formats_mapping, other_bus_errors_end_the_process_as_before) {
  const auto mapping = Mapping::open(path_);
  ASSERT_TRUE(mapping);
  EXPECT_DEATH(std::raise(SIGBUS), "");
}

TEST_F(vlm_formats_mapping, as_many_as_the_limit_are_watched) {
  std::vector<std::byte> region(16);
  std::vector<BusWatch> watches;
  while (true) {
    auto watch = BusWatch::over(region);
    if (!watch) {
      EXPECT_EQ(watch.error().code, base::ErrorCode::overloaded);
      break;
    }
    watches.push_back(*std::move(watch));
    ASSERT_LE(watches.size(), kMappingsMax);
  }
  EXPECT_EQ(watches.size(), kMappingsMax);
  watches.pop_back();
  EXPECT_TRUE(BusWatch::over(region));
}

}  // namespace
}  // namespace sluice::vlm::formats
