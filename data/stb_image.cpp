// The decoder's one translation unit. CMakeLists.txt compiles it without warnings and with wrapping integers and zeroed
// locals: on corrupt data stb_image overflows integers and reads colours that were never set, so without this the
// pixels of a damaged file could differ from run to run. For the same reason its memory comes zeroed.
#include <cstdlib>

#define STBI_MALLOC(size) std::calloc(1, size)
#define STBI_REALLOC(block, size) std::realloc(block, size)
#define STBI_FREE(block) std::free(block)
#define STBI_NO_STDIO
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>
