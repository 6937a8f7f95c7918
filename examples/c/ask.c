/* Asks a model about a picture: ./ask MODEL PICTURE QUESTION (README.md beside this file says how to build
 * it). */
#include <sluice.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print_text(void* user, const char* text, size_t bytes) {
  fwrite(text, 1, bytes, (FILE*)user);
  return fflush((FILE*)user); /* anything but 0 would cancel */
}

static void* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) return NULL;
  const size_t length = (size_t)ftell(file);
  char* bytes = malloc(length + 1);
  rewind(file);
  if (bytes != NULL) *size = fread(bytes, 1, length, file);
  fclose(file);
  return bytes;
}

int main(int argc, char** argv) {
  sluice_error error;
  sluice_answer answer;
  size_t size = 0;
  void* picture = argc == 4 ? read_file(argv[2], &size) : NULL;
  if (picture == NULL) return fprintf(stderr, "usage: %s MODEL PICTURE QUESTION\n", argv[0]), 2;
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
  free(picture);
  return failed;
}
