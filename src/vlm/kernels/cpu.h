// Which instruction sets the kernels use. Every tier above scalar is chosen at run time from what the CPU and
// the operating system offer; the binary itself is baseline code. SLUICE_CPU=scalar|avx2|avx512 forces a
// tier for a whole process, force_tier for a test. A tier the machine lacks is never chosen.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace sluice::vlm::kernels {

enum class CpuTier {
  scalar,
  avx2,    // AVX2, FMA, F16C
  avx512,  // AVX-512 F/BW/DQ/VL and VNNI; BF16 products too where the CPU has them
};

struct CpuFeatures {
  bool avx2 = false;
  bool avx512 = false;
  bool avx512_bf16 = false;
};

const CpuFeatures& cpu_features();        // detected once
std::span<const CpuTier> usable_tiers();  // what this machine can run, slowest first
CpuTier active_tier();
std::string_view name_of(CpuTier tier);

// Tests only, and only while no kernel runs. False when the machine lacks the tier. nullopt: back to default.
bool force_tier(std::optional<CpuTier> tier);

}  // namespace sluice::vlm::kernels
