# The options of `cmake -D...`, checked and in the form that the rest uses.

set(PLATFORM "" CACHE STRING "what the cases are generated for (workload/platforms.yaml); empty: this host's own")
set(BENCHMARK "" CACHE STRING "regular expression on <path>/<name> of the workloads to enable; empty: all")
set(BACKEND "native" CACHE STRING "where instances run: native, docker (also podman), or kubernetes")
set(CONTAINER_ENGINE "" CACHE STRING "of BACKEND=docker: docker, podman, or a path; empty: the one that works")
set(DOCKER_OPTIONS "" CACHE STRING "of BACKEND=docker: more options of `docker run`, as a shell reads them")
set(KUBERNETES_OPTIONS "" CACHE STRING "of BACKEND=kubernetes: '--cpus=16 --memory=64Gi ...' (doc/how-to/kubernetes.md)")
set(REGISTRY "" CACHE STRING "image registry, e.g. registry.example.org:5000")
set(RELEASE "" CACHE STRING "image tag; empty: latest")
set(TIMEOUT "28800,600" CACHE STRING "seconds: deadline of a case, of fetching its images")

pinbench(PLATFORM_TITLE cases --format platform "--platform=${PLATFORM}")
string(STRIP "${PLATFORM_TITLE}" PLATFORM_TITLE)
# "ARMv9 (GRAVITON4)" shows an alias behind the platform; what is written down is the more exact of the two.
string(REGEX REPLACE "^.*\\((.*)\\)$" "\\1" PLATFORM_NAME "${PLATFORM_TITLE}")

set(backends native docker kubernetes)
if(NOT BACKEND IN_LIST backends)
    message(FATAL_ERROR " BACKEND=${BACKEND} is not known; there are: ${backends}")
endif()

# 'r:5000' becomes 'r:5000/', ready to stand before an image's name.
string(REGEX REPLACE "/+$" "" REGISTRY_PREFIX "${REGISTRY}")
if(NOT REGISTRY_PREFIX STREQUAL "")
    string(APPEND REGISTRY_PREFIX "/")
endif()
if(REGISTRY MATCHES "^(localhost|127\\.0\\.0\\.1)([:/]|$)")
    message(FATAL_ERROR " REGISTRY=${REGISTRY} must be fully qualified: other hosts cannot reach this one as localhost")
endif()

# Image tags are lower case here, and carry their colon: '' -> ':latest', 'V1' -> ':v1'.
string(TOLOWER "${RELEASE}" RELEASE_TAG)
string(REGEX REPLACE "^:" "" RELEASE_TAG "${RELEASE_TAG}")
if(RELEASE_TAG STREQUAL "")
    set(RELEASE_TAG "latest")
endif()
# The characters of an image tag (OCI distribution specification, "Pulling manifests": <reference> as a tag).
if(NOT RELEASE_TAG MATCHES "^[a-z0-9_][a-z0-9._-]*$")
    message(FATAL_ERROR " RELEASE=${RELEASE} is not an image tag: letters, digits, '.', '_' and '-'")
endif()
string(PREPEND RELEASE_TAG ":")

if(NOT TIMEOUT MATCHES "^[1-9][0-9]*(,[1-9][0-9]*)?$")
    message(FATAL_ERROR " TIMEOUT=${TIMEOUT} is not '<seconds of a case>,<seconds of fetching>', e.g. 28800,600")
endif()

message(STATUS "Setting: PLATFORM=${PLATFORM_TITLE}")
message(STATUS "Setting: BENCHMARK=${BENCHMARK}")
message(STATUS "Setting: BACKEND=${BACKEND}")
message(STATUS "Setting: REGISTRY=${REGISTRY_PREFIX}")
message(STATUS "Setting: RELEASE=${RELEASE_TAG}")
message(STATUS "Setting: TIMEOUT=${TIMEOUT}")
if(BENCHMARK STREQUAL "")
    message(STATUS "BENCHMARK is empty: all workloads are enabled; -DBENCHMARK=<regular expression> chooses")
endif()
