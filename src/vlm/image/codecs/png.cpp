#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <vector>

#include "vlm/image/codecs/codecs.h"
#include "vlm/image/limits.h"

namespace sluice::vlm::image {
namespace {

struct Source {
  Bytes rest;
  char message[200] = {};
};

// libpng's fatal callback must not return; its jump ends in the setjmp of the function that called the
// library, which holds nothing that needs a destructor.
[[noreturn]] void on_fatal(png_structp png, png_const_charp message) {
  auto* source = static_cast<Source*>(png_get_error_ptr(png));
  std::snprintf(source->message, sizeof source->message, "%s", message);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep to, std::size_t size) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (source->rest.size() < size) png_error(png, "the file ends too early");
  std::memcpy(to, source->rest.data(), size);
  source->rest = source->rest.subspan(size);
}

struct Decoder {
  Source source;
  png_structp png = nullptr;
  png_infop info = nullptr;
  png_uint_32 width = 0;
  png_uint_32 height = 0;
  std::size_t row_bytes = 0;

  explicit Decoder(Bytes encoded) : source{.rest = encoded} {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, on_fatal, on_warning);
    info = png != nullptr ? png_create_info_struct(png) : nullptr;
  }
  ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  bool read_header() {
    if (setjmp(png_jmpbuf(png)) != 0) return false;
    png_set_read_fn(png, &source, on_read);
    png_set_user_limits(png, kSideMax, kSideMax);
    png_set_chunk_malloc_max(png, kPngChunkBytesMax);
    // Everything but what pixels need is skipped unread: a thousand compressed texts of a few kilobytes would
    // inflate to gigabytes, each within its own bound.
    constexpr int kAllAncillary = -1;
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, kAllAncillary);
    png_read_info(png, info);
    width = png_get_image_width(png, info);
    height = png_get_image_height(png, info);
    return true;
  }

  // To 8 bits, RGB or RGBA. Grey of 16 bits is scaled, colour of 16 bits keeps its high byte (as Pillow
  // does). A colour key on true colour is ignored, as the reference processor does.
  bool set_up() {
    if (setjmp(png_jmpbuf(png)) != 0) return false;
    const int colour = png_get_color_type(png, info);
    if (png_get_bit_depth(png, info) == 16) {
      if (colour == PNG_COLOR_TYPE_GRAY)
        png_set_scale_16(png);
      else
        png_set_strip_16(png);
    }
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (colour == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
    if (colour != PNG_COLOR_TYPE_RGB && png_get_valid(png, info, PNG_INFO_tRNS) != 0)
      png_set_tRNS_to_alpha(png);
    if (colour == PNG_COLOR_TYPE_GRAY || colour == PNG_COLOR_TYPE_GRAY_ALPHA) png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    row_bytes = png_get_rowbytes(png, info);
    return true;
  }

  bool read_pixels(png_bytepp rows) {
    if (setjmp(png_jmpbuf(png)) != 0) return false;
    png_read_image(png, rows);
    png_read_end(png, info);
    return true;
  }
};

// The chunk may stand before or behind the pixels: chunks are walked, none is inflated.
int find_orientation(Bytes encoded) {
  constexpr std::size_t kSignatureBytes = 8;
  constexpr std::size_t kLengthBytes = 4;
  constexpr std::size_t kHeadBytes = 8;  // length and name
  constexpr std::size_t kChecksumBytes = 4;
  Bytes rest = encoded.subspan(kSignatureBytes);
  while (rest.size() > kHeadBytes + kChecksumBytes) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < kLengthBytes; ++i)
      length = length << 8 | std::to_integer<std::size_t>(rest[i]);
    if (length > rest.size() - kHeadBytes - kChecksumBytes) return 1;
    if (std::memcmp(&rest[kLengthBytes], "eXIf", 4) == 0)
      return read_exif_orientation(rest.subspan(kHeadBytes, length));
    rest = rest.subspan(kHeadBytes + length + kChecksumBytes);
  }
  return 1;
}

base::Result<Head> read_head(Decoder& decoder, Bytes encoded) {
  if (decoder.info == nullptr) return base::fail(base::ErrorCode::internal, "PNG: out of memory");
  if (!decoder.read_header())
    return base::fail(base::ErrorCode::invalid_argument, "PNG header: {}", decoder.source.message);
  SLUICE_TRY_VOID(check_size(decoder.width, decoder.height));
  return Head{{decoder.width, decoder.height}, find_orientation(encoded)};
}

}  // namespace

base::Result<Head> read_png_head(Bytes encoded) {
  Decoder decoder(encoded);
  return read_head(decoder, encoded);
}

base::Result<Decoded> decode_png(Bytes encoded) {
  Decoder decoder(encoded);
  SLUICE_TRY(const Head head, read_head(decoder, encoded));
  if (!decoder.set_up())
    return base::fail(base::ErrorCode::invalid_argument, "PNG: {}", decoder.source.message);

  const std::size_t pixels = std::size_t{decoder.width} * decoder.height;
  const std::size_t channels = decoder.row_bytes / decoder.width;
  if (channels != 3 && channels != 4) {
    return base::fail(base::ErrorCode::unsupported_media, "PNG: expected 3 or 4 channels, found {}",
                      channels);
  }
  std::vector<std::uint8_t> stored(pixels * channels);
  std::vector<png_bytep> rows(decoder.height);
  for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = stored.data() + y * decoder.row_bytes;
  if (!decoder.read_pixels(rows.data())) {
    return base::fail(base::ErrorCode::invalid_argument, "PNG data: {}", decoder.source.message);
  }
  Decoded out{.picture = {.width = decoder.width, .height = decoder.height}, .orientation = head.orientation};
  if (channels == kChannels) {
    out.picture.rgb = std::move(stored);
    return out;
  }
  out.picture.rgb.resize(pixels * kChannels);
  for (std::size_t i = 0; i < pixels; ++i)
    composite_over_white(&stored[i * 4], &out.picture.rgb[i * kChannels]);
  return out;
}

}  // namespace sluice::vlm::image
