# A component is a target supra::<name> with the packages it needs. Inside the project and in the installed package, a
# component's packages are searched only if it is asked for.
#
#   supra_component(tbb PACKAGES TBB LINK TBB::tbb)      in backends/tbb/CMakeLists.txt, headers in backends/tbb/include
#
# PACKAGES: what find_package takes, one name each.   NEEDS: other components, defined before.   LINK: targets.

set(supra_default_components io train eigen tbb)
set_property(GLOBAL PROPERTY supra_components "")
set_property(GLOBAL PROPERTY supra_known_components "")

function(supra_component name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "PACKAGES;NEEDS;LINK")
  set_property(GLOBAL APPEND PROPERTY supra_known_components ${name})
  set(asked ${SUPRA_COMPONENTS})
  set(required ON)
  if(NOT asked)
    set(asked ${supra_default_components})
    set(required ${PROJECT_IS_TOP_LEVEL})
  endif()
  if(NOT name IN_LIST asked)
    return()
  endif()

  set(missing "")
  foreach(package IN LISTS arg_PACKAGES)
    find_package(${package} QUIET GLOBAL)
    if(NOT ${package}_FOUND)
      set(missing "the package ${package}, which CMake did not find. Run scripts/install-deps (Debian), add its folder to \
CMAKE_PREFIX_PATH")
      break()
    endif()
  endforeach()
  foreach(needed IN LISTS arg_NEEDS)
    if(NOT TARGET supra_${needed})
      set(missing "the component ${needed}, which is not defined. Add it to SUPRA_COMPONENTS")
    endif()
  endforeach()
  if(missing AND required)
    message(FATAL_ERROR "supra's component ${name} needs ${missing}, or leave ${name} out of SUPRA_COMPONENTS (now: ${asked}).")
  elseif(missing)
    message(STATUS "supra's component ${name} is left out. It needs ${missing}.")
    return()
  endif()

  add_library(supra_${name} INTERFACE)
  add_library(supra::${name} ALIAS supra_${name})
  set_target_properties(supra_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(supra_${name} INTERFACE supra ${arg_LINK})
  if(NOT CMAKE_CURRENT_SOURCE_DIR STREQUAL PROJECT_SOURCE_DIR)
    target_include_directories(supra_${name} INTERFACE "$<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>"
                                                       "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
    set_property(GLOBAL PROPERTY supra_${name}_headers "${CMAKE_CURRENT_SOURCE_DIR}/include")
  endif()

  # What the installed package must find and load for this component, its needed components' first.
  set(packages ${arg_PACKAGES})
  set(components ${name})
  foreach(needed IN LISTS arg_NEEDS)
    target_link_libraries(supra_${name} INTERFACE supra_${needed})
    get_property(its_packages GLOBAL PROPERTY supra_${needed}_packages)
    get_property(its_components GLOBAL PROPERTY supra_${needed}_components)
    list(PREPEND packages ${its_packages})
    list(PREPEND components ${its_components})
  endforeach()
  list(REMOVE_DUPLICATES packages)
  list(REMOVE_DUPLICATES components)
  set_property(GLOBAL PROPERTY supra_${name}_packages "${packages}")
  set_property(GLOBAL PROPERTY supra_${name}_components "${components}")
  set_property(GLOBAL APPEND PROPERTY supra_components ${name})
endfunction()

# A component that is asked for by name and defined nowhere is a mistake.
function(supra_check_components)
  get_property(defined GLOBAL PROPERTY supra_components)
  get_property(known GLOBAL PROPERTY supra_known_components)
  list(JOIN known " " known)
  foreach(name IN LISTS SUPRA_COMPONENTS)
    if(NOT name IN_LIST defined)
      message(FATAL_ERROR "SUPRA_COMPONENTS names ${name}, which supra does not have (known here: ${known}).")
    endif()
  endforeach()
  list(JOIN defined " " defined)
  message(STATUS "supra's components: ${defined}")
endfunction()

# Headers, targets and the package's configuration. Each component has its own file of targets, loaded only when asked for.
function(supra_install_package)
  include(CMakePackageConfigHelpers)
  set(place "${CMAKE_INSTALL_DATADIR}/cmake/supra")
  set(header_files FILES_MATCHING PATTERN "*.hpp" PATTERN "*.cuh")
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT devel ${header_files})
  install(TARGETS supra EXPORT supra_core)
  install(EXPORT supra_core FILE supra_core.cmake NAMESPACE supra:: DESTINATION "${place}" COMPONENT devel)

  get_property(components GLOBAL PROPERTY supra_components)
  set(supra_tables "")
  foreach(name IN LISTS components)
    install(TARGETS supra_${name} EXPORT supra_${name})
    install(EXPORT supra_${name} FILE supra_${name}.cmake NAMESPACE supra:: DESTINATION "${place}" COMPONENT devel)
    get_property(headers GLOBAL PROPERTY supra_${name}_headers)
    if(EXISTS "${headers}")
      install(DIRECTORY "${headers}/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT devel ${header_files})
    endif()
    get_property(its_packages GLOBAL PROPERTY supra_${name}_packages)
    get_property(its_components GLOBAL PROPERTY supra_${name}_components)
    string(APPEND supra_tables "set(supra_${name}_packages ${its_packages})\nset(supra_${name}_components ${its_components})\n")
  endforeach()

  set(supra_components ${components})
  configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/supraConfig.cmake.in" "${PROJECT_BINARY_DIR}/supraConfig.cmake"
                                INSTALL_DESTINATION "${place}" NO_SET_AND_CHECK_MACRO)
  write_basic_package_version_file("${PROJECT_BINARY_DIR}/supraConfigVersion.cmake" COMPATIBILITY SameMinorVersion
                                   ARCH_INDEPENDENT)
  install(FILES "${PROJECT_BINARY_DIR}/supraConfig.cmake" "${PROJECT_BINARY_DIR}/supraConfigVersion.cmake"
                "${PROJECT_SOURCE_DIR}/cmake/Findsentencepiece.cmake" DESTINATION "${place}" COMPONENT devel)
endfunction()
