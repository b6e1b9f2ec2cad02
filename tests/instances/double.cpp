#include "../model/models.hpp"

SUPRA_TEST_MODELS(, double)
template supra::model::attention_registry<supra::eigen_backend, double> supra_test::registry();
