"""The account: stocks and flows that contradict one another become one coherent set, with errors shared by cells."""
