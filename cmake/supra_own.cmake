# Settings of our own executables. Nothing here reaches the interface targets that others link.

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(SUPRA_CCACHE ccache)
  mark_as_advanced(SUPRA_CCACHE)
  if(SUPRA_CCACHE)  # the slack is what ccache asks for where a header is precompiled
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${SUPRA_CCACHE}")
  endif()
endif()

# supra_own(<target> [HEAVY]): warnings, sanitizers, and for what computes much this machine's instructions.
function(supra_own target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "HEAVY" "" "")
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  set(cxx "$<COMPILE_LANGUAGE:CXX>")
  target_compile_options(${target} PRIVATE "$<${cxx}:-Wall;-Wextra>" "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wno-unknown-pragmas>")
  if(arg_HEAVY AND SUPRA_NATIVE)
    target_compile_options(${target} PRIVATE "$<${cxx}:-march=native>")
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # tuned for AMD's processors, g++ fuses the products of some sums and not of others
      target_compile_options(${target} PRIVATE "$<${cxx}:--param=avoid-fma-max-bits=0>")
    endif()
  endif()
  if(arg_HEAVY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # g++ 12 says it of its own vector and string headers
    target_compile_options(${target} PRIVATE "$<${cxx}:-Wno-maybe-uninitialized;-Wno-uninitialized>")
  endif()
  if(SUPRA_SANITIZE)
    supra_sanitize(${target} "${SUPRA_SANITIZE}")
  endif()
endfunction()

# Optimized little: such builds are for finding faults, and the compiler takes long over instrumented code.
function(supra_sanitize target sanitizers)
  target_compile_options(${target} PRIVATE -fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1)
  target_link_options(${target} PRIVATE -fsanitize=${sanitizers})
endfunction()

# Every component that is built, as targets to link.
function(supra_all_components out)
  get_property(components GLOBAL PROPERTY supra_components)
  list(TRANSFORM components PREPEND supra::)
  set(${out} supra::supra ${components} PARENT_SCOPE)
endfunction()
