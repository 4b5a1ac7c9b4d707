"""
What has gone wrong in servers of this kind, and the tests that hold it off here.

Each entry is a class of published vulnerabilities or of failures that users saw, with its tests. What needs a
way in that does not exist yet (pages, WebDAV, shares, resumable uploads, zip archives) is marked so.
``test_table.py`` sees that every test named here exists.

Path traversal
    threats/test_ways_around_the_rules.py::test_no_path_leads_out_of_a_directory
    web/test_static_files.py::test_what_is_not_there_is_404
    threats/test_names_of_files.py::test_what_is_no_name_is_refused_by_every_way
    threats/test_names_of_files.py::test_what_is_a_name_stays_that_name_and_never_touches_the_disk
    threats/test_names_of_files.py::test_the_name_in_a_form_means_nothing
    live/test_drive_names.py::test_no_path_leads_out
    live/test_drive_names.py::test_no_destination_leads_out
    administration/test_target.py::test_no_name_leads_elsewhere
    administration/test_archive.py::test_only_names_of_blobs_name_blobs
Rule bypass by the form of a path
    threats/test_ways_around_the_rules.py::test_every_form_of_a_path_meets_the_guard_or_nothing
    web/test_requests.py::test_a_path_is_decoded_once_and_kept
    api/drive/test_paths.py::test_every_name_has_one_address
    api/drive/test_paths.py::test_one_name_in_both_normal_forms_is_one_file
    drive/test_names.py::test_within_is_by_whole_names
Symlink escape
    web/test_static_files.py::test_what_is_not_there_is_404
    listen/test_authority.py::test_a_link_to_elsewhere_is_not_written_through
    administration/test_source.py::test_links_and_devices_are_left_out_and_named
    administration/test_source.py::test_a_link_that_took_the_place_of_a_file_is_not_followed
    administration/test_target.py::test_links_are_neither_followed_nor_written_through
    administration/test_target.py::test_a_link_where_tags_and_dates_are_staged_is_not_followed
    administration/test_backup.py::test_what_waits_under_its_name_is_neither_followed_nor_used
    storage/catalogue/test_connections.py::test_a_link_is_no_database
A protocol that skips the permissions
    threats/test_drive_routes.py::test_every_route_has_its_scope_and_its_throttling_class
    threats/test_drive_routes.py::test_the_description_tells_of_every_route_that_it_needs_a_key
    threats/test_drive_routes.py::test_without_a_right_key_nothing_is_read
    live/test_drive_thumbnails.py::test_nobody_without_a_key
    (so far there is one protocol: no WebDAV, shares, resumable uploads or archives yet)
Body before authentication
    live/test_uploads.py::test_curl_gets_its_answer_and_little_is_read
    web/test_requests.py::test_a_refused_upload_is_not_invited
    threats/test_drive_routes.py::test_without_a_right_key_nothing_is_read
    live/test_drive_uploads.py::TestRefused::test_at_the_head
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
    live/test_drive_thumbnails.py::test_what_is_only_called_so_is_refused
    live/test_drive_thumbnails.py::test_many_hostile_pictures_at_once_leave_nothing
    thumbnails/test_worker.py::test_what_is_too_large_is_refused_for_its_head
    thumbnails/test_worker.py::test_what_takes_more_memory_than_there_is_is_too_large
    thumbnails/test_limits.py::test_one_that_calculates_without_end_is_killed
    thumbnails/test_maker.py::test_one_that_takes_too_long_is_killed
    thumbnails/test_maker.py::test_a_flood_is_refused
Races
    drive/test_races.py::test_several_at_once_in_any_schedule
    drive/test_races.py::test_at_once_in_real_threads
    live/test_drive_races.py::test_one_of_many_makes_a_file
    live/test_drive_races.py::test_one_of_many_replaces_a_version
    live/test_drive_races.py::test_an_upload_against
    contracts/catalogue/test_storing.py::test_every_command_on_a_file_heeds_its_condition
Metadata in one file
    storage/catalogue/test_plans.py::test_pages_of_files
    storage/catalogue/test_plans.py::test_commands
No fsync
    durability/test_order.py::test_every_step_of_an_upload_is_durable_before_the_next_and_all_are_before_the_answer
    durability/test_kills.py::test_every_kill_leaves_what_was_acknowledged_and_nothing_else
    durability/test_server_kills.py::test_every_answer_holds_after_every_kill
    durability/test_failing_disk.py::test_a_call_of_a_running_server_fails
    durability/test_full_disk.py::test_a_file_larger_than_the_disk
    storage/catalogue/test_connections.py::test_every_commit_is_durable
    listen/test_authority.py::test_files_are_never_seen_half_written
Slow clients
    live/test_malformed.py::test_headers_that_dribble_are_answered_at_their_deadline
    live/test_malformed.py::test_half_open_connections_end_at_their_deadline
    live/test_malformed.py::test_one_client_opens_so_many_connections
    web/test_channel.py::test_a_body_below_the_minimum_rate_gets_408
    web/test_channel.py::test_a_client_that_takes_nothing_is_cut
    live/test_drive_downloads.py::test_a_slow_reader_gets_everything_in_flat_memory
Key in the browser
    (there are no pages yet that would keep one)
    live/test_system_routes.py::test_every_answer_has_the_headers_that_protect
Stored XSS
    threats/test_answers.py::test_what_is_reflected_in_an_error_is_text_in_json
    threats/test_uploaded_content.py::test_every_way_to_a_file_keeps_it_from_running
    threats/test_uploaded_content.py::test_a_cache_that_asks_again_keeps_the_policy
    threats/test_uploaded_content.py::test_a_type_that_can_be_read_in_two_ways_is_refused
    threats/test_uploaded_content.py::test_one_that_is_imported_is_left_to_the_name
    threats/test_uploaded_content.py::test_a_real_browser_runs_nothing
    api/drive/test_disposition.py::test_only_what_runs_nothing_is_shown
    live/test_drive_thumbnails.py::test_clients_may_lie_about_the_type
Zip-slip, archive bombs
    administration/test_archive.py::test_other_members_are_refused
    administration/test_archive.py::test_a_size_that_no_old_tar_could_say_is_said
    administration/test_hostile_backup.py::test_what_no_drive_could_have_written_is_refused
    (zip archives do not exist yet)
Keys in URLs and logs
    threats/test_ways_around_the_rules.py::test_a_key_in_a_url_is_no_key_and_is_not_logged
    live/test_system_routes.py::test_no_secret_is_in_the_log
    observe/test_access_log.py::test_only_the_path_of_a_target_is_logged
User enumeration, timing
    threats/test_ways_around_the_rules.py::test_every_wrong_key_gets_the_same_answer
Log injection
    observe/test_access_log.py::test_no_request_can_forge_a_line_or_a_field
    observe/test_lines.py::test_a_record_is_one_line_whatever_it_says
    threats/test_names_of_files.py::test_each_request_is_one_line_of_the_log_whatever_it_names
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
    threats/test_cost_of_a_drive_request.py::test_a_large_body_is_refused_in_few_words
    threats/test_cost_of_a_drive_request.py::test_files_in_deep_folders_are_listed_in_little_memory
    threats/test_cost_of_a_drive_request.py::test_a_page_of_very_long_paths_ends_early
    threats/test_cost_of_a_drive_request.py::test_no_batch_makes_folders_without_end
    threats/test_cost_of_a_drive_request.py::test_no_list_takes_a_forged_cursor_or_a_huge_limit
    threats/test_cost_of_a_drive_request.py::test_no_ranges_make_an_answer_larger_than_the_file
    threats/test_cost_of_a_drive_request.py::test_no_head_of_a_part_is_read_for_ever
    api/drive/test_ranges.py::test_no_field_is_a_surprise
    contracts/catalogue/test_lists.py::test_a_cursor_that_no_page_gave
    storage/catalogue/test_connections.py::test_several_copies_in_one_step_count_together
Chunked uploads that become empty
    live/test_uploads.py::test_a_large_upload_arrives_whole_in_flat_memory
    live/test_drive_uploads.py::TestAccepted::test_put_in_flat_memory
Absolute Location behind a proxy
    threats/test_answers.py::test_a_redirect_names_no_host
    web/test_static_files.py::test_a_directory_without_slash_redirects_relatively
    api/drive/test_files.py::test_what_is_put_is_got
Finishing that takes as long as the file
    storage/blobs/test_writing.py::test_a_large_blob_is_written_on_the_way
    (resumable uploads do not exist yet)
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
    threats/test_names_of_files.py::test_what_is_a_name_stays_that_name_and_never_touches_the_disk
    api/drive/test_disposition.py::test_every_name_arrives_as_it_is
Clean-up against commit
    web/test_requests.py::test_a_client_that_leaves_cancels_its_handler
    threats/test_uploads_cut_off.py::test_cut_off_at_any_byte_it_leaves_nothing
    live/test_drive_uploads.py::TestCutOff::test_the_old_version_stays
    drive/test_receiving.py::test_left_before_the_end_nothing_remains
    drive/test_receiving.py::test_a_client_that_leaves_once_all_is_there_undoes_nothing
    contracts/catalogue/test_blobs.py::test_what_is_unused_is_joined_until_it_is_condemned
    contracts/test_blobs.py::test_ids_are_random_digits
    durability/test_catalogue.py::test_whoever_looks_from_outside_clears_nothing_away
    administration/test_cleaning.py::test_what_another_program_is_about_to_store_is_left_alone
Names
    drive/test_names.py::test_a_name_is_kept_as_given_and_compared_normalised
    drive/test_names.py::test_names_that_differ_in_case_are_two
    drive/test_names.py::test_one_name_in_two_normal_forms_is_one
    contracts/catalogue/test_tree.py::test_names_are_compared_by_their_keys_and_kept_as_given
    live/test_drive_names.py::test_curl
    administration/test_source.py::test_two_names_that_are_one_in_a_drive_are_a_fault
    administration/test_export.py::test_names_that_would_be_one_are_named_together_before_anything_is_written
Hooks that run shell commands
    threats/test_code.py::test_no_shell_no_program_and_no_code_from_data
"""
