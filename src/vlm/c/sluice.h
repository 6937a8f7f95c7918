/* The engine of sluice as a C library: a model that sees runs in this process, from a Hugging Face folder or
 * a GGUF file (with its mmproj file beside it), on the CPU. No network, no files but the model's, nothing
 * printed.
 *
 * A model is loaded once; a prompt is a conversation, built message by message from text and pictures;
 * generate answers it and hands the text on as it comes.
 *
 * Errors are values: every call that can fail returns a sluice_status and, where `error` is not NULL, fills
 * it in. No call prints, exits, or lets an exception out. NULL where an object is expected is
 * SLUICE_INVALID_ARGUMENT; NULL to a free is nothing.
 *
 * Ownership: what a *_load or *_new gives is the caller's until its *_free. A prompt keeps its model alive.
 * Bytes and texts handed in are copied before the call returns; text in a callback is valid during it only.
 *
 * Threads: a model may be used by any number of threads; answers asked for at the same time are computed in
 * one batch. A prompt belongs to one thread at a time, except sluice_prompt_cancel, which any may call. A
 * callback runs on the thread that called generate and must come back (no longjmp, no C++ exception).
 *
 * Structs that begin with `size` may grow: fill them with their *_default first. */
#ifndef SLUICE_H
#define SLUICE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum sluice_status {
  SLUICE_OK = 0,
  SLUICE_INVALID_ARGUMENT = 1, /* the caller's input; the message says which */
  SLUICE_NOT_FOUND = 2,        /* no such file */
  SLUICE_CORRUPT_DATA = 3,     /* a model file or a picture breaks its own format */
  SLUICE_CONTEXT_OVERFLOW = 4, /* prompt and answer do not fit the model's context; nothing was computed */
  SLUICE_TOO_LARGE = 5,        /* over a limit */
  SLUICE_UNSUPPORTED = 6,      /* a kind of model or picture that is not read */
  SLUICE_OVERLOADED = 7,       /* no memory or no room in the queue now */
  SLUICE_IO_FAILED = 8,        /* the operating system said no */
  SLUICE_INTERNAL = 9
} sluice_status;

typedef struct sluice_error {
  sluice_status status;
  char message[500]; /* UTF-8, what was expected and what was found, ends with a zero byte */
} sluice_error;

typedef struct sluice_model sluice_model;
typedef struct sluice_prompt sluice_prompt;

const char* sluice_version(void); /* "0.1.0" */

/* ---- models ---- */

typedef struct sluice_model_options {
  size_t size;
  size_t threads;      /* to compute on; 0: the cores this process may use */
  size_t context_max;  /* tokens a conversation may have; 0: the model's own */
  size_t kv_bytes_max; /* keys and values of all answers under way; 0: a quarter of the memory */
} sluice_model_options;

sluice_model_options sluice_model_options_default(void);

/* `path`: a .gguf file or a folder. `options` may be NULL. NULL on failure. */
sluice_model* sluice_model_load(const char* path, const sluice_model_options* options, sluice_error* error);
void sluice_model_free(sluice_model* model); /* prompts made from it go on */
int sluice_model_sees(const sluice_model* model);
size_t sluice_model_context(const sluice_model* model); /* tokens */

typedef struct sluice_memory {
  uint64_t weights_bytes;   /* of both halves, as they lie in memory */
  uint64_t workspace_bytes; /* of one step of the default number of sessions, and of the vision tower */
  uint64_t kv_bytes_per_token;
  uint64_t kv_bytes; /* of a conversation of `tokens` */
  uint64_t context;  /* tokens the model was trained for */
  int sees;
} sluice_memory;

/* What the model will take, from the heads of its files; `tokens` 0: the whole context. */
sluice_status sluice_forecast_memory(const char* path, size_t tokens, sluice_memory* memory,
                                     sluice_error* error);

/* ---- prompts ---- */

sluice_prompt* sluice_prompt_new(sluice_model* model, sluice_error* error);
void sluice_prompt_free(sluice_prompt* prompt);

/* Begins a message; `role` is "system", "user" or "assistant". What is added next belongs to it. */
sluice_status sluice_prompt_begin(sluice_prompt* prompt, const char* role, sluice_error* error);
/* UTF-8; markers of the model's template in it stay plain text. */
sluice_status sluice_prompt_add_text(sluice_prompt* prompt, const char* text, size_t bytes,
                                     sluice_error* error);
/* A JPEG, PNG or WebP file's bytes. `tiles`: 0 as the reference cuts, 1 to 6 that many on the longest side,
 * -1 by the picture's size. Put pictures before the text, as the models were trained. */
sluice_status sluice_prompt_add_image(sluice_prompt* prompt, const void* bytes, size_t size, int tiles,
                                      sluice_error* error);

/* ---- answers ---- */

typedef struct sluice_answer_options {
  size_t size;
  uint32_t tokens_max;     /* 0: until the context is full */
  double temperature;      /* 0 takes the likeliest token each time */
  double top_p;            /* share of likely tokens to choose among */
  uint64_t seed;           /* the same seed gives the same answer */
  const char* const* stop; /* texts that end the answer, or NULL */
  size_t stop_count;
} sluice_answer_options;

sluice_answer_options sluice_answer_options_default(void); /* greedy, as the reference decodes */

/* Whole UTF-8 characters, not ended by a zero byte. Returns 0 to go on, anything else to cancel. */
typedef int (*sluice_on_text)(void* user, const char* text, size_t bytes);

typedef enum sluice_finish {
  SLUICE_FINISH_STOP = 0,
  SLUICE_FINISH_LENGTH = 1,
  SLUICE_FINISH_CANCELLED = 2
} sluice_finish;

typedef struct sluice_answer {
  sluice_finish finish;
  uint32_t prompt_tokens; /* pictures included */
  uint32_t image_tokens;
  uint32_t answer_tokens;
  double look_seconds;     /* the vision tower */
  double prefill_seconds;  /* the rest until the first token */
  double generate_seconds; /* from the first token to the end */
  char warning[200];       /* what makes answers worse, as text before a picture; UTF-8, empty: nothing */
} sluice_answer;

/* Blocks until the answer is whole. The conversation gains it as an "assistant" message, also when it was
 * cancelled, as far as it came. `options`, `on_text` and `answer` may be NULL. */
sluice_status sluice_generate(sluice_prompt* prompt, const sluice_answer_options* options,
                              sluice_on_text on_text, void* user, sluice_answer* answer, sluice_error* error);

/* Any thread: the answer being given to this prompt ends at its next token. Nothing when there is none. */
void sluice_prompt_cancel(sluice_prompt* prompt);

#ifdef __cplusplus
}
#endif

#endif
