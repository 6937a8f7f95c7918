// Media as requests carry them: data URLs, and the words for the types of media that dialects exchange. Pure;
// nothing is decoded: base64 goes on as it came.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::hub::dialects {

// "data:image/png;base64,AAAA"; views into the url.
struct DataUrl {
  std::string_view media_type;  // "image/png", without parameters; "text/plain" when it names none
  std::string_view data;        // base64
};

// Nothing when `url` is no data URL or its data is not base64: percent-encoded ones are not read. The scheme
// and "base64" count in any case of letters.
std::optional<DataUrl> split_data_url(std::string_view url);
std::string join_data_url(std::string_view media_type, std::string_view data);

// Whether `text` is base64 (RFC 4648, padded or not, no white space): what it must be to be sent as bytes.
bool is_base64(std::string_view text);

// The type of an image by its first bytes, which are given as base64: "image/png"; empty when they are none
// that is known.
std::string_view image_type_of(std::string_view base64);

// "audio/wav" for "wav", the OpenAI dialect's word for a format; an unknown word becomes "audio/<word>".
std::string audio_media_type(std::string_view format);
// The other way round: "wav" for "audio/x-wav"; empty when it is no audio type.
std::string audio_format(std::string_view media_type);

// By the suffix of a file's name or of the path of a url ("a/b.PDF?x=1" is application/pdf); empty when the
// suffix says nothing.
std::string_view media_type_by_name(std::string_view name_or_url);

}  // namespace sluice::hub::dialects
