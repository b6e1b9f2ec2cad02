// Reading a model, of any kind of file: compiled once, in load_model.cpp.
#pragma once

#include "supra/io/model_file.hpp"

extern template supra::io::loaded<double> supra::io::load_model(const std::filesystem::path&);
extern template supra::io::loaded<float> supra::io::load_model(const std::filesystem::path&);
