#include "load_model.hpp"

template supra::io::loaded<double> supra::io::load_model(const std::filesystem::path&);
template supra::io::loaded<float> supra::io::load_model(const std::filesystem::path&);
