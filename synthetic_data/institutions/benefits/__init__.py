"""Benefits: spells on benefit, Universal Credit, Child Benefit and tax credits."""
