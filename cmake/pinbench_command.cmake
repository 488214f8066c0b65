# Runs pinbench while configuring, with the lightest interpreter that can list cases.

execute_process(
    COMMAND "${PROJECT_SOURCE_DIR}/script/env/python" list
    OUTPUT_VARIABLE PINBENCH_LIST_PYTHON
    OUTPUT_STRIP_TRAILING_WHITESPACE
    RESULT_VARIABLE result)
if(NOT result EQUAL 0)
    message(FATAL_ERROR " no Python that can list the cases (the line above says why)")
endif()

# Sets `output` to what `pinbench <words>` prints; what it says on stderr is the error message when it fails.
function(pinbench output)
    # -E env: the checkout's own sources, whatever the user's PYTHONPATH says.
    execute_process(
        COMMAND "${CMAKE_COMMAND}" -E env "PYTHONPATH=${PROJECT_SOURCE_DIR}/src"
                "${PINBENCH_LIST_PYTHON}" -m pinbench ${ARGN}
        OUTPUT_VARIABLE said
        ERROR_VARIABLE complaint
        RESULT_VARIABLE result)
    string(STRIP "${complaint}" complaint)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR " ${complaint}") # a leading space: CMake does not wrap the line
    elseif(complaint)
        message(NOTICE "${complaint}")
    endif()
    set(${output} "${said}" PARENT_SCOPE)
endfunction()
