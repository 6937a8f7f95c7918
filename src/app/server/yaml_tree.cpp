#include "app/server/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "app/server/limits.h"

namespace sluice::app::server {
namespace {

using base::ErrorCode;
using base::Status;
using Kind = YamlNode::Kind;

// Thrown inside this file only: the library's event interface has no other way to stop a parse.
struct Stop {
  int line;
  std::string message;
};

// Builds the tree from the library's events, so that an alias costs what it copies and the cap sees it.
class TreeBuilder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(YamlNode{.kind = Kind::nothing, .line = mark.line + 1}, anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                const std::string& value) override {
    add(YamlNode{.kind = Kind::scalar, .line = mark.line + 1, .text = value}, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    // An alias to a node that is still open would be a cycle.
    if (found == anchors_.end()) throw Stop{mark.line + 1, "alias to an anchor that is not complete here"};
    count(found->second.size, mark.line + 1);
    YamlNode copy = found->second.node;
    place(std::move(copy), found->second.size);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Kind::list, mark, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Kind::map, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

  YamlNode take_root() { return root_ ? std::move(*root_) : YamlNode{.line = 1}; }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    std::size_t size = 1;
    std::optional<std::string> key = std::nullopt;  // of a map: read, its value not yet
    std::vector<YamlNode> merged = {};
  };
  struct Anchored {
    YamlNode node;
    std::size_t size;
  };

  void count(std::size_t nodes, int line) {
    nodes_ += nodes;
    if (nodes_ > kConfigNodesMax)
      throw Stop{line, fmt::format("more than {} values, aliases counted in full", kConfigNodesMax)};
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    count(1, node.line);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {node, 1};
    place(std::move(node), 1);
  }

  void open(Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    count(1, mark.line + 1);
    if (open_.size() >= kConfigDepthMax)
      throw Stop{mark.line + 1, fmt::format("nested deeper than {} levels", kConfigDepthMax)};
    open_.push_back(Open{.node = {.kind = kind, .line = mark.line + 1}, .anchor = anchor});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    for (YamlNode& entry : done.merged)
      if (!has_key(done.node, entry.key)) done.node.items.push_back(std::move(entry));
    if (done.anchor != YAML::NullAnchor) anchors_[done.anchor] = {done.node, done.size};
    place(std::move(done.node), done.size);
  }

  static bool has_key(const YamlNode& map, std::string_view key) {
    return std::ranges::count(map.items, key, &YamlNode::key) > 0;
  }

  void place(YamlNode node, std::size_t size) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    parent.size += size;
    if (parent.node.kind == Kind::list) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      take_key(parent, node);
    } else if (*parent.key == "<<") {
      merge(parent, std::move(node));
    } else {
      node.key = std::move(*parent.key);
      parent.node.items.push_back(std::move(node));
      parent.key.reset();
    }
  }

  static void take_key(Open& parent, const YamlNode& node) {
    if (node.kind != Kind::scalar) throw Stop{node.line, "expected a name before ':'"};
    if (has_key(parent.node, node.text))
      throw Stop{node.line, fmt::format("'{}' is here twice in one section", node.text)};
    parent.key = node.text;
  }

  static void merge(Open& parent, YamlNode node) {
    if (node.kind != Kind::map) throw Stop{node.line, "'<<' takes one section to merge"};
    for (YamlNode& entry : node.items) parent.merged.push_back(std::move(entry));
    parent.key.reset();
  }

  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::optional<YamlNode> root_;
  std::size_t nodes_ = 0;
};

}  // namespace

base::Result<YamlNode> parse_yaml(std::string_view text, std::string_view name) {
  if (text.size() > kConfigBytesMax)
    return base::fail(ErrorCode::too_large, "{}: {} bytes, a configuration may have {}", name, text.size(),
                      kConfigBytesMax);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    parser.HandleNextDocument(builder);
    YamlNode root = builder.take_root();
    TreeBuilder second;
    if (parser.HandleNextDocument(second))
      return base::fail(ErrorCode::invalid_argument, "{}: holds several YAML documents, expected one", name);
    return root;
  } catch (const Stop& stop) {
    return base::fail(ErrorCode::invalid_argument, "{}:{}: {}", name, stop.line, stop.message);
  } catch (const YAML::Exception& error) {
    return base::fail(ErrorCode::invalid_argument, "{}:{}: {}", name, error.mark.line + 1, error.msg);
  } catch (const std::exception& error) {
    return base::fail(ErrorCode::invalid_argument, "{}: not YAML: {}", name, error.what());
  }
}

}  // namespace sluice::app::server
