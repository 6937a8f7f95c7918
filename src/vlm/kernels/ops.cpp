#include "vlm/kernels/ops.h"

#include <cmath>

#include "base/check.h"
#include "vlm/kernels/tiers/kernel_set.h"

namespace sluice::vlm::kernels {

void rms_norm(std::span<float> out, std::span<const float> x, std::span<const float> weight, float eps) {
  CHECK(out.size() == x.size() && weight.size() == x.size() && !x.empty());
  active_kernels().rms_norm(out.data(), x.data(), weight.data(), x.size(), eps);
}

void layer_norm(std::span<float> out, std::span<const float> x, std::span<const float> weight,
                std::span<const float> bias, float eps) {
  CHECK(out.size() == x.size() && weight.size() == x.size() && bias.size() == x.size() && !x.empty());
  active_kernels().layer_norm(out.data(), x.data(), weight.data(), bias.data(), x.size(), eps);
}

void gelu_tanh(std::span<float> x) {
  active_kernels().gelu_tanh(x.data(), x.size());
}

void add(std::span<float> x, std::span<const float> y) {
  CHECK(x.size() == y.size());
  active_kernels().add(x.data(), y.data(), x.size());
}

void silu_mul(std::span<float> gate, std::span<const float> up) {
  CHECK(gate.size() == up.size());
  active_kernels().silu_mul(gate.data(), up.data(), gate.size());
}

void softmax(std::span<float> x) {
  if (!x.empty()) active_kernels().softmax(x.data(), x.size());
}

std::size_t argmax(std::span<const float> x) {
  CHECK(!x.empty());
  return active_kernels().argmax(x.data(), x.size());
}

void rope_angles(std::size_t position, double theta, std::span<float> cosines, std::span<float> sines) {
  CHECK(cosines.size() == sines.size());
  const auto pairs = static_cast<double>(cosines.size());
  for (std::size_t i = 0; i < cosines.size(); ++i) {
    const double angle = static_cast<double>(position) * std::pow(theta, -static_cast<double>(i) / pairs);
    cosines[i] = static_cast<float>(std::cos(angle));
    sines[i] = static_cast<float>(std::sin(angle));
  }
}

void rope_interleaved(std::span<float> heads, std::span<const float> cosines, std::span<const float> sines) {
  CHECK(!cosines.empty() && cosines.size() == sines.size() && heads.size() % (2 * cosines.size()) == 0);
  active_kernels().rope_interleaved(heads.data(), heads.size(), cosines.data(), sines.data(), cosines.size());
}

void rope_half(std::span<float> heads, std::span<const float> cosines, std::span<const float> sines) {
  CHECK(!cosines.empty() && cosines.size() == sines.size() && heads.size() % (2 * cosines.size()) == 0);
  active_kernels().rope_half(heads.data(), heads.size(), cosines.data(), sines.data(), cosines.size());
}

void f32_to_f16(std::span<std::uint16_t> out, std::span<const float> x) {
  CHECK(out.size() == x.size());
  active_kernels().f32_to_f16(out.data(), x.data(), x.size());
}

}  // namespace sluice::vlm::kernels
