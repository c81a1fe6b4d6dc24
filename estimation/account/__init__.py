"""The account: stocks and flows that disagree become one coherent set, with errors that cells share."""
