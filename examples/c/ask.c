/* Asks a model about a picture: ./ask MODEL PICTURE QUESTION (README.md beside this file says how to build
 * it). */
#include <sluice.h>
#include <stdio.h>
#include <string.h>

static char picture[64 << 20]; /* no larger file is read */

static int print_text(void* user, const char* text, size_t bytes) {
  fwrite(text, 1, bytes, (FILE*)user);
  return fflush((FILE*)user); /* anything but 0 would cancel */
}

int main(int argc, char** argv) {
  sluice_error error;
  sluice_answer answer;
  FILE* file = argc == 4 ? fopen(argv[2], "rb") : NULL;
  if (file == NULL) return fprintf(stderr, "usage: %s MODEL PICTURE QUESTION\n", argv[0]), 2;
  const size_t size = fread(picture, 1, sizeof picture, file);
  fclose(file);
  sluice_model* model = sluice_model_load(argv[1], NULL, &error);
  sluice_prompt* prompt = model ? sluice_prompt_new(model, &error) : NULL;
  int failed = prompt == NULL || sluice_prompt_begin(prompt, "user", &error) ||
               sluice_prompt_add_image(prompt, picture, size, 0, &error) ||
               sluice_prompt_add_text(prompt, argv[3], strlen(argv[3]), &error) ||
               sluice_generate(prompt, NULL, print_text, stdout, &answer, &error);
  if (failed)
    fprintf(stderr, "%s\n", error.message);
  else
    printf("\n%u tokens, %u of the picture\n", answer.answer_tokens, answer.image_tokens);
  sluice_prompt_free(prompt);
  sluice_model_free(model);
  return failed;
}
