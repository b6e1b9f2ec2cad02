// expect: supra: this is a function of one number: check_stage<elementwise<your function>>()
#include "supra/feature/relu.hpp"
#include "supra/testing/check_stage.hpp"

#ifdef SUPRA_MENDED
supra::testing::stage_report report = supra::testing::check_stage<supra::elementwise<supra::relu>>();
#else
supra::testing::stage_report report = supra::testing::check_stage<supra::relu>();
#endif
