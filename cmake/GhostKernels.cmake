# core/kernels/isa/rows_<isa>.cpp are the same source compiled once per instruction set; the program picks one at start.
# rows_avx512bf16.cpp and rows_amxbf16.cpp add products of bf16 to the kernels of avx512.
# Under sanitizers they are checked for memory errors only, with little optimisation: their hundreds of unrolled tiles
# would take minutes to compile.
set(ghost_kernel_level -O3)
if(GHOST_SANITIZE)
  set(ghost_kernel_level -O1 -fno-sanitize=undefined)
  # Tiles are read and written by instructions that no sanitizer sees, and the rest is in rows_avx512bf16.cpp too.
  set(ghost_tiles_unchecked -fno-sanitize=all)
endif()
function(ghost_kernels isa)
  set(source ${CMAKE_SOURCE_DIR}/core/kernels/isa/rows_${isa}.cpp)
  target_sources(ghost_core PRIVATE ${source})
  set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${ghost_kernel_level};-fno-math-errno;-fno-trapping-math;-ffp-contract=fast;-Wno-psabi;-Wno-ignored-attributes;${ARGN}")
endfunction()
ghost_kernels(baseline)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  ghost_kernels(avx2 -march=x86-64-v3)
  ghost_kernels(avx512 -march=x86-64-v4 -mprefer-vector-width=512)
  ghost_kernels(avx512bf16 -march=x86-64-v4 -mavx512bf16 -mprefer-vector-width=512 -Wno-maybe-uninitialized)
  ghost_kernels(amxbf16 -march=x86-64-v4 -mavx512bf16 -mamx-tile -mamx-bf16 -mprefer-vector-width=512
                -Wno-maybe-uninitialized -fno-exceptions ${ghost_tiles_unchecked})
endif()
