#include "vlm/tensor/core_quota.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "vlm/tensor/thread_pool.h"

namespace sluice::vlm::tensor {
namespace {

class Cgroups : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::path(testing::TempDir()) /
            (std::string("cgroups_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::size_t cores(const std::string& membership) { return quota_cores(membership, root_.string()); }

  std::filesystem::path root_;
};
using vlm_tensor_core_quota = Cgroups;

TEST_F(vlm_tensor_core_quota, v2_rounds_a_part_of_a_core_up) {
  write("app/cpu.max", "150000 100000\n");
  EXPECT_EQ(cores("0::/app\n"), 2u);
  write("app/cpu.max", "5000 100000\n");
  EXPECT_EQ(cores("0::/app\n"), 1u);
  write("app/cpu.max", "max 100000\n");
  EXPECT_EQ(cores("0::/app\n"), 0u);
}

TEST_F(vlm_tensor_core_quota, v2_takes_the_smallest_on_the_way_to_the_root) {
  write("a/cpu.max", "200000 100000\n");
  write("a/b/cpu.max", "400000 100000\n");
  EXPECT_EQ(cores("0::/a/b\n"), 2u);
  write("cpu.max", "100000 100000\n");
  EXPECT_EQ(cores("0::/a/b\n"), 1u);
}

TEST_F(vlm_tensor_core_quota, v2_inside_a_container_reads_the_root) {
  write("cpu.max", "300000 100000\n");
  EXPECT_EQ(cores("0::/../../not/visible\n"), 3u);
}

TEST_F(vlm_tensor_core_quota, v1_reads_quota_and_period) {
  write("cpu/docker/x/cpu.cfs_quota_us", "250000\n");
  write("cpu/docker/x/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cores("4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n2:cpuset:/\n"), 3u);
  write("cpu/docker/x/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(cores("3:cpu,cpuacct:/docker/x\n"), 0u);
}

TEST_F(vlm_tensor_core_quota, rubbish_means_no_limit) {
  write("cpu.max", "banana");
  EXPECT_EQ(cores("0::/\n"), 0u);
  write("cpu.max", "100000 0");
  EXPECT_EQ(cores("0::/\n"), 0u);
  EXPECT_EQ(cores("no colons here\n:\n::"), 0u);
  EXPECT_EQ(cores(""), 0u);
}

TEST_F(vlm_tensor_core_quota, this_machine_has_at_least_one_core) {
  EXPECT_GE(default_threads(), 1u);
  EXPECT_LE(default_threads(), kThreadsMax);
}

}  // namespace
}  // namespace sluice::vlm::tensor
