#include "vlm/tensor/free_memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>

namespace sluice::vlm::tensor {
namespace {

class vlm_tensor_free_memory : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::path(testing::TempDir()) /
            (std::string("memory_groups_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::optional<std::size_t> left(const std::string& membership) {
    return left_in_groups(membership, root_.string());
  }

  std::filesystem::path root_;
};

TEST_F(vlm_tensor_free_memory, v2_counts_pages_of_files_as_free) {
  write("app/memory.max", "1000\n");
  write("app/memory.current", "700\n");
  EXPECT_EQ(left("0::/app\n"), 300u);
  write("app/memory.stat", "anon 100\ninactive_file 250\nactive_file 50\nactive_file_other 9\n");
  EXPECT_EQ(left("0::/app\n"), 600u);
}

TEST_F(vlm_tensor_free_memory, takes_the_least_on_the_way_to_the_root) {
  write("a/memory.max", "500\n");
  write("a/memory.current", "100\n");
  write("a/b/memory.max", "max\n");
  write("a/b/memory.current", "50\n");
  EXPECT_EQ(left("0::/a/b\n"), 400u);
  write("memory.max", "150\n");
  write("memory.current", "200\n");
  EXPECT_EQ(left("0::/a/b\n"), 0u);
}

TEST_F(vlm_tensor_free_memory, v1_reads_the_memory_hierarchy_alone) {
  write("memory/docker/x/memory.limit_in_bytes", "4096\n");
  write("memory/docker/x/memory.usage_in_bytes", "3000\n");
  write("memory/docker/x/memory.stat", "cache 2000\ntotal_inactive_file 1000\ntotal_active_file 500\n");
  EXPECT_EQ(left("4:memory:/docker/x\n3:cpu,cpuacct:/docker/y\n"), 2596u);
  EXPECT_EQ(left("3:cpu,cpuacct:/docker/x\n"), std::nullopt);
}

TEST_F(vlm_tensor_free_memory, rubbish_bounds_nothing) {
  write("memory.max", "banana");
  write("memory.current", "1");
  EXPECT_EQ(left("0::/\n"), std::nullopt);
  EXPECT_EQ(left(""), std::nullopt);
}

TEST_F(vlm_tensor_free_memory, knows_the_limits_of_the_process) {
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "a sanitizer's own memory counts in RLIMIT_DATA: NOT TESTED";
#endif
  constexpr std::size_t kRoom = std::size_t{32} << 20;
  EXPECT_GT(free_memory(), kRoom);
  std::ifstream status("/proc/self/status");
  std::size_t data_kilobytes = 0;
  for (std::string name; status >> name;)
    if (name == "VmData:") status >> data_kilobytes;
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_DATA, &limit), 0);
  rlimit small = limit;
  small.rlim_cur = data_kilobytes * 1024 + kRoom;
  ASSERT_EQ(setrlimit(RLIMIT_DATA, &small), 0);
  const std::size_t left = free_memory();
  ASSERT_EQ(setrlimit(RLIMIT_DATA, &limit), 0);
  EXPECT_LE(left, kRoom);
  EXPECT_GT(left, kRoom / 2);
}

}  // namespace
}  // namespace sluice::vlm::tensor
