/*-------------------------------------------------------------------------
 *
 * replay.c
 *		Run a fuzz target over files, without a fuzzer.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

/* Hand a file to the target, in memory of its exact size. */
static void
replay(const char *path)
{
	FILE	   *file = fopen(path, "rb");
	uint8_t    *data;
	long		size;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 ||
		(size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) != 0)
	{
		perror(path);
		exit(2);
	}
	data = malloc((size_t) size + (size == 0));
	if (data == NULL || fread(data, 1, (size_t) size, file) != (size_t) size)
	{
		perror(path);
		exit(2);
	}
	fclose(file);
	fprintf(stderr, "%s\n", path);
	(void) LLVMFuzzerTestOneInput(data, (size_t) size);
	free(data);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%d inputs\n", argc - 1);
	return 0;
}
