#include "vlm/kernels/cpu.h"

#include <array>
#include <cstdlib>

#include "base/check.h"
#include "base/log.h"
#include "vlm/kernels/tiers/kernel_set.h"

namespace sluice::vlm::kernels {

namespace {

constexpr std::array<std::string_view, 3> kNames = {"scalar", "avx2", "avx512"};

CpuFeatures detect() {
  CpuFeatures features;
#if defined(__x86_64__)
  __builtin_cpu_init();
  // These answers include the operating system's part: registers that it does not save do not count.
  features.avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  features.avx512 = features.avx2 && __builtin_cpu_supports("avx512f") &&
                    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
  features.avx512_bf16 = features.avx512 && __builtin_cpu_supports("avx512bf16");
#endif
  return features;
}

bool is_usable(CpuTier tier) {
  switch (tier) {
    case CpuTier::scalar:
      return true;
    case CpuTier::avx2:
      return cpu_features().avx2;
    case CpuTier::avx512:
      return cpu_features().avx512;
  }
  return false;
}

CpuTier default_tier() {
  const CpuTier best = usable_tiers().back();
  const char* const wish = std::getenv("SLUICE_CPU");
  if (wish == nullptr || *wish == '\0') return best;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == wish && is_usable(static_cast<CpuTier>(i))) return static_cast<CpuTier>(i);
  }
  base::LogLine(base::LogLevel::warning, "cpu_tier_unknown")
      .text("SLUICE_CPU", wish)
      .text("expected", "scalar, avx2 or avx512, as far as this machine has them")
      .text("using", name_of(best))
      .write();
  return best;
}

CpuTier& chosen_tier() {
  static CpuTier tier = default_tier();
  return tier;
}

KernelSet with_bf16(const KernelSet& plain) {
  KernelSet set = plain;
  if (cpu_features().avx512_bf16) {
    set.multiply[static_cast<std::size_t>(tensor::DType::bf16)] = {Forms::bf16, avx512_bf16_multiply()};
  }
  return set;
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

std::span<const CpuTier> usable_tiers() {
  static constexpr std::array<CpuTier, 3> kAll = {CpuTier::scalar, CpuTier::avx2, CpuTier::avx512};
  return std::span(kAll).first(cpu_features().avx512 ? 3u : cpu_features().avx2 ? 2u : 1u);
}

CpuTier active_tier() {
  return chosen_tier();
}

std::string_view name_of(CpuTier tier) {
  return kNames[static_cast<std::size_t>(tier)];
}

bool force_tier(std::optional<CpuTier> tier) {
  if (tier && !is_usable(*tier)) return false;
  chosen_tier() = tier ? *tier : default_tier();
  return true;
}

const KernelSet& kernels_of(CpuTier tier) {
  CHECK(is_usable(tier));
  switch (tier) {
    case CpuTier::avx2:
      return *avx2_kernels();
    case CpuTier::avx512: {
      static const KernelSet set = with_bf16(*avx512_kernels());
      return set;
    }
    case CpuTier::scalar:
      break;
  }
  return *scalar_kernels();
}

}  // namespace sluice::vlm::kernels
