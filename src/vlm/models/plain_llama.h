// The Llama decoder written straight from its formulas, in double, one token at a time and without a cache:
// what the fast one is measured against. For tests only; it is slow on purpose.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vlm/formats/tensor_file.h"
#include "vlm/kernels/format.h"
#include "vlm/models/model.h"

namespace sluice::vlm::models {

class PlainLlama {
 public:
  using Vector = std::vector<double>;

  PlainLlama(const formats::TensorFile& file, const Shape& shape, double eps, double theta)
      : file_(file), shape_(shape), eps_(eps), theta_(theta) {}

  // Logits after the last of `tokens`.
  Vector logits(std::span<const std::int32_t> tokens) const {
    std::vector<Vector> x;
    for (const std::int32_t token : tokens)
      x.push_back(row("token_embd.weight", static_cast<std::size_t>(token)));
    for (std::size_t layer = 0; layer < shape_.layers; ++layer) {
      const std::string prefix = "blk." + std::to_string(layer) + ".";
      attention(prefix, x);
      for (Vector& v : x) feed_forward(prefix, v);
    }
    const bool tied = file_.find("output.weight") == nullptr;
    return product(tied ? "token_embd.weight" : "output.weight", norm("output_norm.weight", x.back()));
  }

 private:
  Vector row(const std::string& name, std::size_t index) const {
    const tensor::View& view = *file_.find(name);
    std::vector<float> values(view.columns());
    kernels::dequantise_row(view, index, values);
    return {values.begin(), values.end()};
  }
  Vector product(const std::string& name, const Vector& x) const {
    Vector out;
    for (std::size_t r = 0; r < file_.find(name)->rows(); ++r) {
      const Vector weights = row(name, r);
      double sum = 0;
      for (std::size_t c = 0; c < x.size(); ++c) sum += weights[c] * x[c];
      out.push_back(sum);
    }
    return out;
  }
  Vector norm(const std::string& name, const Vector& x) const {
    double squares = 0;
    for (const double v : x) squares += v * v;
    Vector out = row(name, 0);
    for (std::size_t i = 0; i < x.size(); ++i)
      out[i] *= x[i] / std::sqrt(squares / static_cast<double>(x.size()) + eps_);
    return out;
  }
  void rotate(Vector& heads, std::size_t position) const {
    const std::size_t size = shape_.head_dim;
    for (std::size_t i = 0; i < heads.size(); i += 2) {
      const double angle = static_cast<double>(position) *
                           std::pow(theta_, -static_cast<double>(i % size) / static_cast<double>(size));
      const double a = heads[i];
      const double b = heads[i + 1];
      heads[i] = a * std::cos(angle) - b * std::sin(angle);
      heads[i + 1] = a * std::sin(angle) + b * std::cos(angle);
    }
  }
  void attention(const std::string& prefix, std::vector<Vector>& x) const {
    std::vector<Vector> queries;
    std::vector<Vector> keys;
    std::vector<Vector> values;
    for (std::size_t p = 0; p < x.size(); ++p) {
      const Vector n = norm(prefix + "attn_norm.weight", x[p]);
      queries.push_back(product(prefix + "attn_q.weight", n));
      keys.push_back(product(prefix + "attn_k.weight", n));
      values.push_back(product(prefix + "attn_v.weight", n));
      rotate(queries.back(), p);
      rotate(keys.back(), p);
    }
    for (std::size_t p = 0; p < x.size(); ++p) {
      Vector out;
      for (std::size_t h = 0; h < shape_.heads; ++h) head(queries[p], keys, values, p, h, out);
      const Vector delta = product(prefix + "attn_output.weight", out);
      for (std::size_t i = 0; i < delta.size(); ++i) x[p][i] += delta[i];
    }
  }
  void head(const Vector& query, const std::vector<Vector>& keys, const std::vector<Vector>& values,
            std::size_t p, std::size_t h, Vector& out) const {
    const std::size_t size = shape_.head_dim;
    const std::size_t from = h / (shape_.heads / shape_.kv_heads) * size;
    Vector scores;
    double total = 0;
    for (std::size_t j = 0; j <= p; ++j) {
      double dot = 0;
      for (std::size_t i = 0; i < size; ++i) dot += query[h * size + i] * keys[j][from + i];
      scores.push_back(std::exp(dot / std::sqrt(static_cast<double>(size))));
      total += scores.back();
    }
    for (std::size_t i = 0; i < size; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j <= p; ++j) sum += scores[j] / total * values[j][from + i];
      out.push_back(sum);
    }
  }
  void feed_forward(const std::string& prefix, Vector& x) const {
    const Vector n = norm(prefix + "ffn_norm.weight", x);
    Vector gate = product(prefix + "ffn_gate.weight", n);
    const Vector up = product(prefix + "ffn_up.weight", n);
    for (std::size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
    const Vector delta = product(prefix + "ffn_down.weight", gate);
    for (std::size_t i = 0; i < delta.size(); ++i) x[i] += delta[i];
  }

  const formats::TensorFile& file_;
  const Shape shape_;
  const double eps_;
  const double theta_;
};

}  // namespace sluice::vlm::models
