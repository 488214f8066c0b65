# add_workload(): the ctest entries, the doors and the image targets of one workload folder.

# Enables the workload in the calling folder, unless BENCHMARK leaves it out.
function(add_workload)
    get_filename_component(folder "${CMAKE_CURRENT_SOURCE_DIR}" NAME)
    string(TOLOWER "${folder}" name)
    string(REPLACE "-" "_" name "${name}")
    file(RELATIVE_PATH path "${PROJECT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
    set_property(GLOBAL APPEND PROPERTY PINBENCH_KNOWN_WORKLOADS "${folder}")
    if(NOT "/${path}/${name}//" MATCHES "/[^/]*${BENCHMARK}[^/]*/")
        file(REMOVE "${CMAKE_CURRENT_BINARY_DIR}/settings.json") # of a configuration that had it enabled
        return()
    endif()

    set(cases "${CMAKE_CURRENT_BINARY_DIR}/cases.cmake")
    pinbench(text cases --format cmake --workload "${CMAKE_CURRENT_SOURCE_DIR}" "--platform=${PLATFORM}"
             --build "${CMAKE_CURRENT_BINARY_DIR}")
    file(WRITE "${cases}" "${text}")
    include("${cases}")
    _report_cases("${path}")
    _write_settings()
    _add_image_targets("${name}")
    link_doors("${CMAKE_CURRENT_BINARY_DIR}")
    # `cmake --build` configures again when one of these changes, as ctest.sh does.
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
        "${CMAKE_CURRENT_SOURCE_DIR}/workload.yaml" "${PROJECT_SOURCE_DIR}/workload/platforms.yaml")
endfunction()

# Makes ctest.sh, list-kpi.sh and build.sh callable in a build folder, as they are in the source folder.
function(link_doors folder)
    foreach(door ctest.sh list-kpi.sh build.sh)
        file(CREATE_LINK "${PROJECT_SOURCE_DIR}/${door}" "${folder}/${door}" SYMBOLIC)
    endforeach()
endfunction()

# Says how many cases there are; a BENCHMARK that matches no folder is a mistake worth a warning.
function(report_workloads)
    get_property(known GLOBAL PROPERTY PINBENCH_KNOWN_WORKLOADS)
    get_property(enabled GLOBAL PROPERTY PINBENCH_ENABLED_WORKLOADS)
    get_property(excluded GLOBAL PROPERTY PINBENCH_EXCLUDED_TOTAL)
    list(JOIN known ", " known)
    if(NOT enabled)
        message(WARNING " BENCHMARK=${BENCHMARK} matches no workload; there are: ${known}")
    endif()
    if(excluded)
        message(STATUS "${excluded} combinations are excluded on ${PLATFORM_NAME}; script/pinbench cases --format "
                       "excluded --platform ${PLATFORM_NAME} says which and why")
    endif()
endfunction()

# Reads the PINBENCH_* variables that the generated file has set in add_workload().
function(_report_cases path)
    set_property(GLOBAL APPEND PROPERTY PINBENCH_ENABLED_WORKLOADS "${path}")
    get_property(excluded GLOBAL PROPERTY PINBENCH_EXCLUDED_TOTAL)
    math(EXPR excluded "0${excluded} + ${PINBENCH_EXCLUDED_COUNT}")
    set_property(GLOBAL PROPERTY PINBENCH_EXCLUDED_TOTAL "${excluded}")
    if(PINBENCH_CASE_COUNT EQUAL 0)
        message(NOTICE "${path}: no cases on ${PLATFORM_TITLE}: ${PINBENCH_CASE_NOTE}")
    else()
        message(STATUS "Enabled ${path}: ${PINBENCH_CASE_COUNT} cases")
    endif()
endfunction()

# What ctest.sh and `pinbench run` cannot know of the cases of this folder: with what options it was configured.
function(_write_settings)
    set(settings "{}")
    foreach(pair
            "source=CMAKE_CURRENT_SOURCE_DIR" "platform=PLATFORM_NAME" "benchmark=BENCHMARK" "backend=BACKEND"
            "registry=REGISTRY_PREFIX" "release=RELEASE_TAG" "timeout=TIMEOUT"
            "container_engine=CONTAINER_ENGINE" "docker_options=DOCKER_OPTIONS"
            "kubernetes_options=KUBERNETES_OPTIONS")
        string(REGEX MATCH "^([^=]+)=(.+)$" pair "${pair}")
        set(key "${CMAKE_MATCH_1}")
        set(value "${${CMAKE_MATCH_2}}")
        string(REPLACE "\\" "\\\\" value "${value}")
        string(REPLACE "\"" "\\\"" value "${value}")
        string(JSON settings SET "${settings}" "${key}" "\"${value}\"")
    endforeach()
    file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/settings.json" "${settings}\n")
endfunction()

function(_add_image_targets name)
    set(build
        "${CMAKE_COMMAND}" -E env "PLATFORM=${PLATFORM_NAME}" "REGISTRY=${REGISTRY_PREFIX}" "RELEASE=${RELEASE_TAG}"
        "${CMAKE_CURRENT_SOURCE_DIR}/build.sh")
    # Native cases need no image, so that building one, which takes minutes and an engine, is asked for by name.
    set(all ALL)
    if(BACKEND STREQUAL "native")
        set(all)
    endif()
    add_custom_target(build_${name} ${all} COMMAND ${build} USES_TERMINAL VERBATIM)
    add_custom_target(bom_${name} COMMAND ${build} --bom USES_TERMINAL VERBATIM)
    add_dependencies(bom bom_${name})
endfunction()
