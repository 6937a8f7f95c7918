// jpeglib.h needs these first.
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string>

#include "vlm/image/codecs/codecs.h"
#include "vlm/image/limits.h"

// After <cstdio>, which it relies on.
#include <jerror.h>
#include <jpeglib.h>

namespace sluice::vlm::image {
namespace {

// The library reports fatal errors by a callback that must not return; it jumps back to the setjmp of the
// function that called the library. Those functions hold nothing that needs a destructor.
struct Errors {
  jpeg_error_mgr base;
  std::jmp_buf back;
  bool cut_short;  // the data ended before the picture did
  int scans_seen;
  char message[JMSG_LENGTH_MAX];
};

Errors* errors_of(j_common_ptr info) {
  return reinterpret_cast<Errors*>(info->err);
}

[[noreturn]] void on_fatal(j_common_ptr info) {
  Errors* errors = errors_of(info);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->back, 1);
}

void on_message(j_common_ptr info, int level) {
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) errors_of(info)->cut_short = true;
}

void on_progress(j_common_ptr info) {
  if (!info->is_decompressor) return;
  auto* decompressor = reinterpret_cast<j_decompress_ptr>(info);
  if (decompressor->input_scan_number <= kJpegScansMax) return;
  Errors* errors = errors_of(info);
  std::snprintf(errors->message, sizeof errors->message, "more than %d scans", kJpegScansMax);
  std::longjmp(errors->back, 1);
}

struct Decoder {
  jpeg_decompress_struct info = {};
  Errors errors = {};
  jpeg_progress_mgr progress = {};

  Decoder() {
    info.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = on_fatal;
    errors.base.emit_message = on_message;
    progress.progress_monitor = on_progress;
  }
  ~Decoder() { jpeg_destroy_decompress(&info); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  bool read_header(Bytes encoded) {
    if (setjmp(errors.back) != 0) return false;
    jpeg_create_decompress(&info);
    info.progress = &progress;
    jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(encoded.data()), encoded.size());
    jpeg_save_markers(&info, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(&info, TRUE);
    if (info.num_components == 4)
      info.out_color_space = JCS_CMYK;
    else
      info.out_color_space = info.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    return true;
  }

  // `pixels` holds output_components bytes a pixel; known from out_color_space before starting.
  bool read_pixels(std::uint8_t* pixels, std::size_t row_bytes) {
    if (setjmp(errors.back) != 0) return false;
    jpeg_start_decompress(&info);
    while (info.output_scanline < info.output_height) {
      JSAMPROW row = pixels + info.output_scanline * row_bytes;
      jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_finish_decompress(&info);
    return true;
  }
};

int find_orientation(const jpeg_decompress_struct& info) {
  constexpr std::string_view kExif("Exif\0\0", 6);
  for (auto* marker = info.marker_list; marker != nullptr; marker = marker->next) {
    if (marker->data_length > kExif.size() && std::memcmp(marker->data, kExif.data(), kExif.size()) == 0) {
      const auto* begin = reinterpret_cast<const std::byte*>(marker->data) + kExif.size();
      return read_exif_orientation({begin, marker->data_length - kExif.size()});
    }
  }
  return 1;
}

// Inks are stored inverted, as Adobe does and Pillow assumes; rounding as in Pillow.
void ink_to_rgb(const std::uint8_t* cmyk, std::uint8_t* rgb) {
  const unsigned paper = cmyk[3];  // 255 - black, inverted twice
  for (std::size_t c = 0; c < kChannels; ++c) {
    const unsigned product = (255U - cmyk[c]) * paper + 128U;
    const unsigned ink = ((product >> 8) + product) >> 8;
    rgb[c] = static_cast<std::uint8_t>(paper - (ink > paper ? paper : ink));
  }
}

base::Result<Head> read_head(Decoder& decoder, Bytes encoded) {
  if (!decoder.read_header(encoded))
    return base::fail(base::ErrorCode::invalid_argument, "JPEG header: {}", decoder.errors.message);
  SLUICE_TRY_VOID(check_size(decoder.info.image_width, decoder.info.image_height));
  return Head{{decoder.info.image_width, decoder.info.image_height}, find_orientation(decoder.info)};
}

}  // namespace

base::Result<Head> read_jpeg_head(Bytes encoded) {
  Decoder decoder;
  return read_head(decoder, encoded);
}

base::Result<Decoded> decode_jpeg(Bytes encoded) {
  Decoder decoder;
  SLUICE_TRY(const Head head, read_head(decoder, encoded));
  const auto [width, height] = head.size;
  const auto components = static_cast<std::size_t>(decoder.info.num_components);
  if (components != 1 && components != 3 && components != 4) {
    return base::fail(base::ErrorCode::unsupported_media, "JPEG: expected 1, 3 or 4 components, found {}",
                      components);
  }
  Decoded out{.picture = Picture::blank(width, height), .orientation = head.orientation};
  std::vector<std::uint8_t> stored;
  std::uint8_t* pixels = out.picture.rgb.data();
  if (components != kChannels) {
    stored.resize(std::size_t{width} * height * components);
    pixels = stored.data();
  }
  if (!decoder.read_pixels(pixels, std::size_t{width} * components)) {
    return base::fail(base::ErrorCode::invalid_argument, "JPEG data: {}", decoder.errors.message);
  }
  if (decoder.errors.cut_short) {
    return base::fail(base::ErrorCode::invalid_argument,
                      "JPEG data: the file ends before its {}x{} pixels do", width, height);
  }
  std::uint8_t* rgb = out.picture.rgb.data();
  for (std::size_t i = 0; i < stored.size(); i += components, rgb += kChannels) {
    if (components == 1)
      std::memset(rgb, stored[i], kChannels);
    else
      ink_to_rgb(&stored[i], rgb);
  }
  return out;
}

}  // namespace sluice::vlm::image
