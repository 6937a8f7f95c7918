# One line each on why; docs/decisions has the longer reasons.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)                 # formatting: libstdc++ 12 has no <format>
find_package(simdjson REQUIRED)            # JSON at memory speed; also validates UTF-8

if(HUB)
  find_package(Boost 1.81 REQUIRED)        # Asio coroutines, Beast's HTTP parser, Boost.JSON; headers only
  # Asio's implementation is compiled once, in src/net/asio.cpp.
  target_compile_definitions(Boost::headers INTERFACE BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
  find_package(OpenSSL 3 REQUIRED)         # TLS and SHA-256
  find_package(SQLite3 REQUIRED)           # keys and records in one file
  find_package(prometheus-cpp REQUIRED CONFIG)  # /metrics exposition
endif()
if(VLM)
  pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)  # XXH3: fingerprint of a model file while loading
  pkg_check_modules(libjpeg REQUIRED IMPORTED_TARGET libjpeg)  # JPEG; the library Pillow uses
  pkg_check_modules(libpng REQUIRED IMPORTED_TARGET libpng)  # PNG
  pkg_check_modules(libwebp REQUIRED IMPORTED_TARGET libwebp)  # WebP
  pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)  # Unicode categories for the tokenizer
endif()
if(HUB AND VLM)
  find_package(yaml-cpp REQUIRED)          # the configuration file
  find_package(CLI11 REQUIRED)             # subcommands and help
endif()
if(SLUICE_TESTS)
  find_package(GTest REQUIRED)
endif()
if(SLUICE_BENCH)
  find_package(benchmark REQUIRED)
endif()
