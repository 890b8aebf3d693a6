/*
 * runner.c - show a harness every file of some folders once.
 *
 * No fuzzer and no special compiler: part of `make test`.  Fails when it was
 * given no file at all, since a check that checked nothing has failed.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "fuzz.h"

#define INPUT_MAX (16u << 20)

static int num_files;

static int run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	uint8_t *data;
	size_t len;

	if (file == NULL || fstat(fileno(file), &st) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 3;
	}
	if (st.st_size > INPUT_MAX) {
		fprintf(stderr, "%s: larger than %u bytes\n", path, INPUT_MAX);
		fclose(file);
		return 3;
	}
	len = (size_t)st.st_size;
	data = malloc(len ? len : 1);
	fuzz_check(data != NULL);
	len = fread(data, 1, len, file);
	fclose(file);
	/* Exactly len bytes, so that a sanitizer sees one byte over. */
	data = realloc(data, len ? len : 1);
	fuzz_check(data != NULL);
	LLVMFuzzerTestOneInput(data, len);
	free(data);
	num_files++;
	return 0;
}

static int run_path(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int result = 0;

	if (dir == NULL)
		return run_file(path);
	while (result == 0 && (entry = readdir(dir)) != NULL) {
		char full[4096];
		int n = snprintf(full, sizeof(full), "%s/%s", path,
				 entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		if (n < 0 || (size_t)n >= sizeof(full)) {
			fprintf(stderr, "%s: path too long\n", path);
			result = 3;
		} else {
			result = run_file(full);
		}
	}
	closedir(dir);
	return result;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int result = run_path(argv[i]);

		if (result != 0)
			return result;
	}
	printf("%d inputs\n", num_files);
	return num_files > 0 ? 0 : 2;
}
