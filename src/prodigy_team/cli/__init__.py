"""The command line: reads options, calls the library, shows the report. The only printing."""
