// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The program for HiGHS: one binary variable for each choice, one equation for
// each group, one inequality for the capacity.  One thread, a fixed seed and a
// limit on nodes in place of time make the answer the same everywhere.

#include "IntegerProgram.h"
#include "Highs.h"

namespace quantc {

static HighsModel buildModel(const ChoiceProgram &program) {
  HighsModel model;
  HighsLp &lp = model.lp_;
  lp.a_matrix_.format_ = MatrixFormat::kColwise;
  lp.a_matrix_.start_ = {0};
  HighsInt numGroups = HighsInt(program.groups.size());
  for (HighsInt group = 0; group < numGroups; ++group)
    for (const Choice &choice : program.groups[group]) {
      lp.col_cost_.push_back(choice.cost);
      lp.a_matrix_.index_.insert(lp.a_matrix_.index_.end(), {group, numGroups});
      lp.a_matrix_.value_.insert(lp.a_matrix_.value_.end(),
                                 {1, double(choice.weight)});
      lp.a_matrix_.start_.push_back(HighsInt(lp.a_matrix_.index_.size()));
    }
  lp.num_col_ = HighsInt(lp.col_cost_.size());
  lp.num_row_ = numGroups + 1;
  lp.col_lower_.assign(lp.num_col_, 0);
  lp.col_upper_.assign(lp.num_col_, 1);
  lp.integrality_.assign(lp.num_col_, HighsVarType::kInteger);
  lp.row_lower_.assign(lp.num_row_, 1);
  lp.row_upper_.assign(lp.num_row_, 1);
  lp.row_lower_.back() = -kHighsInf;
  lp.row_upper_.back() = double(program.capacity);
  return model;
}

static HighsSolution startOf(const ChoiceProgram &program) {
  HighsSolution solution;
  for (size_t group = 0; group < program.groups.size(); ++group)
    for (size_t i = 0; i < program.groups[group].size(); ++i)
      solution.col_value.push_back(int64_t(i) == program.start[group]);
  return solution;
}

static void setOptions(const ChoiceProgram &program, Highs &highs) {
  highs.setOptionValue("output_flag", false);
  highs.setOptionValue("threads", 1);
  highs.setOptionValue("parallel", "off");
  highs.setOptionValue("random_seed", 0);
  highs.setOptionValue("mip_rel_gap", program.maxGap);
  highs.setOptionValue("mip_abs_gap", 0.0);
  highs.setOptionValue("mip_feasibility_tolerance", 1e-9);
  highs.setOptionValue("primal_feasibility_tolerance", 1e-9);
  highs.setOptionValue("dual_feasibility_tolerance", 1e-9);
  highs.setOptionValue("mip_max_nodes", HighsInt(program.maxNodes));
}

std::string solveChoices(const ChoiceProgram &program,
                         ChoiceSolution &solution) {
  Highs highs;
  setOptions(program, highs);
  if (highs.passModel(buildModel(program)) == HighsStatus::kError)
    return "the integer program was not accepted";
  if (!program.start.empty())
    highs.setSolution(startOf(program));
  if (highs.run() == HighsStatus::kError)
    return "the integer program was not solved";
  if (highs.getInfo().primal_solution_status != kSolutionStatusFeasible)
    return "the integer program has no solution: " +
           highs.modelStatusToString(highs.getModelStatus());
  solution.bound = highs.getInfo().mip_dual_bound;
  solution.choices.assign(program.groups.size(), 0);
  const std::vector<double> &values = highs.getSolution().col_value;
  for (size_t group = 0, column = 0; group < program.groups.size(); ++group)
    for (size_t i = 0; i < program.groups[group].size(); ++i, ++column)
      if (values[column] > 0.5)
        solution.choices[group] = int64_t(i);
  return "";
}

} // namespace quantc
