# Compiles SOURCE and fails unless the compiler fails with the sentence of its first line. With SUPRA_MENDED defined the same
# file must compile, if it mentions that name: then nothing but the mistake shown is wrong with it.
cmake_minimum_required(VERSION 3.25)

file(STRINGS "${SOURCE}" first LIMIT_COUNT 1)
if(NOT first MATCHES "^// expect: (.+)$")
  message(FATAL_ERROR "${SOURCE}: the first line must be `// expect: <sentence>`, found: ${first}")
endif()
set(sentence "${CMAKE_MATCH_1}")

list(REMOVE_DUPLICATES INCLUDES)
list(TRANSFORM INCLUDES PREPEND -I)
set(compile "${CMAKE_COMMAND}" -E env LC_ALL=C "${COMPILER}" -std=c++20 -fsyntax-only -fmessage-length=0
            -fno-diagnostics-show-caret ${FLAGS} ${INCLUDES})

execute_process(COMMAND ${compile} "${SOURCE}" RESULT_VARIABLE status OUTPUT_VARIABLE said ERROR_VARIABLE said)
if(status EQUAL 0)
  message(FATAL_ERROR "${SOURCE}: compiles, but must not; expected the compiler to say: ${sentence}")
endif()
string(FIND "${said}" "${sentence}" place)
if(place EQUAL -1)
  message(FATAL_ERROR "${SOURCE}: expected the compiler to say: ${sentence}\nIt said:\n${said}")
endif()

file(STRINGS "${SOURCE}" mended REGEX "SUPRA_MENDED")
if(mended)
  execute_process(COMMAND ${compile} -DSUPRA_MENDED "${SOURCE}" RESULT_VARIABLE status ERROR_VARIABLE said)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${SOURCE}: with SUPRA_MENDED defined it must compile. The compiler said:\n${said}")
  endif()
endif()
