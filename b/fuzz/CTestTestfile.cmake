# CMake generated Testfile for 
# Source directory: /tmp/w/core/fuzz
# Build directory: /tmp/w/core/b/fuzz
# 
# This file includes the relevant testing commands required for 
# testing this directory and lists subdirectories to be tested as well.
add_test([=[Corpus.command]=] "/tmp/w/core/b/bin/fuzz_command" "/tmp/w/core/fuzz/corpus/command")
set_tests_properties([=[Corpus.command]=] PROPERTIES  LABELS "unit" _BACKTRACE_TRIPLES "/tmp/w/core/fuzz/CMakeLists.txt;17;add_test;/tmp/w/core/fuzz/CMakeLists.txt;21;fuzzer;/tmp/w/core/fuzz/CMakeLists.txt;0;")
add_test([=[Corpus.configuration]=] "/tmp/w/core/b/bin/fuzz_configuration" "/tmp/w/core/fuzz/corpus/configuration")
set_tests_properties([=[Corpus.configuration]=] PROPERTIES  LABELS "unit" _BACKTRACE_TRIPLES "/tmp/w/core/fuzz/CMakeLists.txt;17;add_test;/tmp/w/core/fuzz/CMakeLists.txt;22;fuzzer;/tmp/w/core/fuzz/CMakeLists.txt;0;")
add_test([=[Corpus.control]=] "/tmp/w/core/b/bin/fuzz_control" "/tmp/w/core/fuzz/corpus/control")
set_tests_properties([=[Corpus.control]=] PROPERTIES  LABELS "unit" _BACKTRACE_TRIPLES "/tmp/w/core/fuzz/CMakeLists.txt;17;add_test;/tmp/w/core/fuzz/CMakeLists.txt;23;fuzzer;/tmp/w/core/fuzz/CMakeLists.txt;0;")
add_test([=[Corpus.parameter_list]=] "/tmp/w/core/b/bin/fuzz_parameter_list" "/tmp/w/core/fuzz/corpus/parameter_list")
set_tests_properties([=[Corpus.parameter_list]=] PROPERTIES  LABELS "unit" _BACKTRACE_TRIPLES "/tmp/w/core/fuzz/CMakeLists.txt;17;add_test;/tmp/w/core/fuzz/CMakeLists.txt;24;fuzzer;/tmp/w/core/fuzz/CMakeLists.txt;0;")
add_test([=[Corpus.session]=] "/tmp/w/core/b/bin/fuzz_session" "/tmp/w/core/fuzz/corpus/session")
set_tests_properties([=[Corpus.session]=] PROPERTIES  LABELS "unit" _BACKTRACE_TRIPLES "/tmp/w/core/fuzz/CMakeLists.txt;17;add_test;/tmp/w/core/fuzz/CMakeLists.txt;25;fuzzer;/tmp/w/core/fuzz/CMakeLists.txt;0;")
add_test([=[Corpus.text]=] "/tmp/w/core/b/bin/fuzz_text" "/tmp/w/core/fuzz/corpus/text")
set_tests_properties([=[Corpus.text]=] PROPERTIES  LABELS "unit" _BACKTRACE_TRIPLES "/tmp/w/core/fuzz/CMakeLists.txt;17;add_test;/tmp/w/core/fuzz/CMakeLists.txt;26;fuzzer;/tmp/w/core/fuzz/CMakeLists.txt;0;")
