# nvcc for our own files that instantiate the CUDA backend; all others stay the host compiler's. Where Kokkos is built for CUDA,
# its nvcc_wrapper compiles everything instead.
#
#   supra_nvcc(<source>...)     these files of the current folder are nvcc's

set(SUPRA_CUDA_NATIVE OFF)
if("cuda" IN_LIST SUPRA_COMPONENTS AND NOT CMAKE_CXX_COMPILER MATCHES "nvcc_wrapper")
  set(SUPRA_CUDA_NATIVE ON)
endif()

if(SUPRA_CUDA_NATIVE AND PROJECT_IS_TOP_LEVEL)
  set(SUPRA_CUDA_ARCHITECTURE 90a CACHE STRING "The GPUs that our own CUDA files are compiled for, as in sm_<...>")
  # CMake 3.25 passes nvcc 13 no -std for CMAKE_CUDA_STANDARD 20, and names no architecture that has a letter.
  set(CMAKE_CUDA_ARCHITECTURES OFF)
  set(CMAKE_CUDA_RUNTIME_LIBRARY Static)  # a program can be carried to a machine that has a driver alone
  string(APPEND CMAKE_CUDA_FLAGS " -std=c++20 -gencode=arch=compute_${SUPRA_CUDA_ARCHITECTURE},code=sm_${SUPRA_CUDA_ARCHITECTURE}")
  # A constexpr function of the host that is called in device code is dropped, with a warning: never.
  string(APPEND CMAKE_CUDA_FLAGS " -Xcudafe --diag_error=20013 -Xcompiler=-fno-trapping-math")
  # A conversion to const that a type which is const already never uses.
  string(APPEND CMAKE_CUDA_FLAGS " -diag-suppress=554")
  if(SUPRA_CUDA_ARCHITECTURE STREQUAL "90a")  # host code may choose kernels of sm_90a's own instructions
    string(APPEND CMAKE_CUDA_FLAGS " -DSUPRA_CUDA_HOPPER")
  endif()
  set(SUPRA_CUDA_WIDTHS "" CACHE STRING "Widths of heads that fused kernels are compiled for, as 64;128; empty: all that there are")
  if(SUPRA_CUDA_WIDTHS)
    list(JOIN SUPRA_CUDA_WIDTHS "\\," widths)  # nvcc takes a comma for the beginning of another macro
    string(APPEND CMAKE_CUDA_FLAGS " '-DSUPRA_CUDA_WIDTHS=${widths}'")
  endif()
  enable_language(CUDA)
endif()

function(supra_nvcc)
  # nvcc 13 cannot evaluate fmt 9's checks of formats
  set_source_files_properties(${ARGV} PROPERTIES LANGUAGE CUDA COMPILE_DEFINITIONS "FMT_CONSTEVAL=;FMT_USE_CONSTEXPR=1")
endfunction()
