"""
What has gone wrong in servers of this kind, and the tests that hold it off here.

Each entry is a class of published vulnerabilities or of failures that users saw, with its tests. What needs a
drive (files, trash, versions, shares) is marked so. ``test_table.py`` sees that every test named here exists.

Path traversal
    threats/test_ways_around_the_rules.py::test_no_path_leads_out_of_a_directory
    web/test_static_files.py::test_what_is_not_there_is_404
    (names of files: with the drive)
Rule bypass by the form of a path
    threats/test_ways_around_the_rules.py::test_every_form_of_a_path_meets_the_guard_or_nothing
    web/test_requests.py::test_a_path_is_decoded_once_and_kept
Symlink escape
    web/test_static_files.py::test_what_is_not_there_is_404
    listen/test_authority.py::test_a_link_to_elsewhere_is_not_written_through
A protocol that skips the permissions
    (with the drive; so far there is one protocol)
Body before authentication
    live/test_uploads.py::test_curl_gets_its_answer_and_little_is_read
    web/test_requests.py::test_a_refused_upload_is_not_invited
Unlimited guessing of keys
    web/test_guards.py::test_wrong_keys_are_throttled_over_all_routes_and_the_right_one_passes
    live/test_system_routes.py::test_beyond_some_wrong_keys_only_the_right_one_gets_an_answer
Forged proxy headers
    threats/test_ways_around_the_rules.py::test_guessing_is_throttled_whoever_it_claims_to_be
    threats/test_ways_around_the_rules.py::test_behind_a_proxy_one_guesser_does_not_throttle_the_others
    threats/test_ways_around_the_rules.py::test_no_other_header_opens_the_door
    access/test_clients.py::test_what_a_proxy_appended_counts_whatever_the_client_claims
An error handler that hides the error
    threats/test_answers.py::test_every_kind_of_error_keeps_its_status
    threats/test_answers.py::test_every_refusal_keeps_its_status
    web/test_static_files.py::test_pages_may_have_their_own_404
Wildcard CORS with credentials
    settings/test_loading.py::test_rules_between_settings_hold_whatever_their_sources
    web/test_layers.py::test_any_origin_with_credentials_is_refused
Image bombs
    (with the drive)
Races
    (with the drive)
Metadata in one file
    (with the drive)
No fsync
    (with the drive)
    listen/test_authority.py::test_files_are_never_seen_half_written
Slow clients
    live/test_malformed.py::test_headers_that_dribble_are_answered_at_their_deadline
    live/test_malformed.py::test_half_open_connections_end_at_their_deadline
    live/test_malformed.py::test_one_client_opens_so_many_connections
    web/test_channel.py::test_a_body_below_the_minimum_rate_gets_408
    web/test_channel.py::test_a_client_that_takes_nothing_is_cut
Key in the browser
    (with the drive's pages)
    live/test_system_routes.py::test_every_answer_has_the_headers_that_protect
Stored XSS
    threats/test_answers.py::test_what_is_reflected_in_an_error_is_text_in_json
    (uploaded content: with the drive)
Zip-slip, archive bombs
    (with the drive)
Keys in URLs and logs
    threats/test_ways_around_the_rules.py::test_a_key_in_a_url_is_no_key_and_is_not_logged
    live/test_system_routes.py::test_no_secret_is_in_the_log
    observe/test_access_log.py::test_only_the_path_of_a_target_is_logged
User enumeration, timing
    threats/test_ways_around_the_rules.py::test_every_wrong_key_gets_the_same_answer
Log injection
    observe/test_access_log.py::test_no_request_can_forge_a_line_or_a_field
    observe/test_lines.py::test_a_record_is_one_line_whatever_it_says
Memory or time by one request
    threats/test_cost_of_one_request.py::test_broken_strings_are_read_once
    threats/test_cost_of_one_request.py::test_deep_json_is_refused
    threats/test_cost_of_one_request.py::test_some_faults_of_a_body_are_told
    threats/test_cost_of_one_request.py::test_some_faults_of_a_query_are_told
    threats/test_cost_of_one_request.py::test_a_flood_of_headers_ends_in_431
    threats/test_cost_of_one_request.py::test_an_array_is_not_searched_for_faults_for_ever
    threats/test_cost_of_one_request.py::test_forwarded_addresses_are_looked_at_from_the_right_and_not_for_ever
    web/test_static_files.py::test_other_ranges_than_one_are_ignored
    web/test_flow.py::test_requests_wait_while_answers_are_not_taken
    web/test_flow.py::test_a_body_that_nobody_reads_stays_outside_while_the_answer_is_taken
    live/test_uploads.py::test_requests_whose_answers_are_not_taken_wait_outside
    access/test_memory_windows.py::test_an_attack_from_many_addresses_costs_bounded_memory
Chunked uploads that become empty
    live/test_uploads.py::test_a_large_upload_arrives_whole_in_flat_memory
Absolute Location behind a proxy
    threats/test_answers.py::test_a_redirect_names_no_host
    web/test_static_files.py::test_a_directory_without_slash_redirects_relatively
Finishing that takes as long as the file
    (with the drive)
Certificates
    listen/test_authority.py::test_certificate_key_and_directory_are_for_their_owner_alone
    listen/test_authority.py::test_certificate_names_every_name_given
    live/test_tls.py::test_no_connection_fails_while_certificates_are_swapped
Request smuggling, Host
    live/test_malformed.py::test_it_is_refused_once
    live/test_malformed.py::test_each_is_one_line_in_the_log
    live/test_malformed.py::test_where_it_is_split_makes_no_difference
    live/test_uploads.py::test_a_body_that_looks_like_a_request_is_none
    web/test_plain_heads.py::test_both_ways_give_the_same_answers
Response splitting
    threats/test_answers.py::test_what_is_reflected_in_the_head_stays_in_its_field
Clean-up against commit
    web/test_requests.py::test_a_client_that_leaves_cancels_its_handler
    (uploads: with the drive)
Names
    (with the drive)
Hooks that run shell commands
    threats/test_code.py::test_no_shell_no_program_and_no_code_from_data
"""
