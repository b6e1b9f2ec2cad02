# Compiles SOURCE for sm_90a and prints registers, stack and spills of each kernel; fails where a row left its registers.
cmake_minimum_required(VERSION 3.25)

list(TRANSFORM INCLUDES PREPEND -I)
execute_process(COMMAND "${NVCC}" -std=c++20 -O3 -arch=sm_90a --expt-relaxed-constexpr --extended-lambda -Xptxas -v ${INCLUDES}
                        -c "${SOURCE}" -o "${WORK}/register_budget.o"
                RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE said)
string(APPEND said "${out}")
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${SOURCE} does not compile:\n${said}")
endif()
string(REGEX MATCHALL "[0-9]+ bytes stack frame, [0-9]+ bytes spill stores, [0-9]+ bytes spill loads" frames "${said}")
string(REGEX MATCHALL "Used [0-9]+ registers" registers "${said}")
list(LENGTH frames kernels)
if(kernels EQUAL 0)
  message(FATAL_ERROR "ptxas named no kernel of ${SOURCE}; it said:\n${said}")
endif()
foreach(frame use IN ZIP_LISTS frames registers)
  message(STATUS "${use}, ${frame}")
  if(NOT frame STREQUAL "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads")
    message(FATAL_ERROR "a row of ${SOURCE} does not stay in registers: ${frame}")
  endif()
endforeach()
