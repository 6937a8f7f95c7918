// The small operations between the matmuls, each on one row, in f32. Results depend only on the arguments,
// never on threads; tiers may differ in the last bits. Spans of unequal size are a CHECK.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::vlm::kernels {

// out = x * weight / sqrt(mean(x^2) + eps). out may be x.
void rms_norm(std::span<float> out, std::span<const float> x, std::span<const float> weight, float eps);

// out = (x - mean(x)) * weight / sqrt(variance(x) + eps) + bias, the variance over n. out may be x.
void layer_norm(std::span<float> out, std::span<const float> x, std::span<const float> weight,
                std::span<const float> bias, float eps);

void add(std::span<float> x, std::span<const float> y);  // x += y

// x = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))): GELU as SigLIP was trained with.
void gelu_tanh(std::span<float> x);

// gate = gate * sigmoid(gate) * up
void silu_mul(std::span<float> gate, std::span<const float> up);

void softmax(std::span<float> x);

// Index of the largest value, the first of equals; NaN never wins (0 when all are NaN). x is not empty.
std::size_t argmax(std::span<const float> x);

// Angles of one position: cosines and sines of position * theta^(-2i/head_size) for i < head_size/2, in
// double and then rounded, so that position 8000 is as good as position 1.
void rope_angles(std::size_t position, double theta, std::span<float> cosines, std::span<float> sines);

// Rotates `heads` in place ([heads, head_size], head_size = 2 * cosines.size()).
void rope_interleaved(std::span<float> heads, std::span<const float> cosines, std::span<const float> sines);
void rope_half(std::span<float> heads, std::span<const float> cosines, std::span<const float> sines);

void f32_to_f16(std::span<std::uint16_t> out, std::span<const float> x);  // keys and values into an f16 cache

}  // namespace sluice::vlm::kernels
