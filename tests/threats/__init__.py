"""
Threats: what has gone wrong in servers of this kind, and the tests that hold it off here.

Each entry is a class of published vulnerabilities or of failures that users saw, with its tests. What needs a
way in that does not exist yet (pages, WebDAV, resumable uploads, zip archives) is marked so.
``test_table.py`` sees that every test named here exists.

Path traversal
    threats/test_bypasses.py::test_no_path_leads_out_of_a_directory
    web/test_static_files.py::test_what_is_not_there_is_404
    threats/test_file_names.py::test_what_is_no_name_is_refused_by_every_way
    threats/test_file_names.py::test_what_is_a_name_stays_that_name_and_never_touches_the_disk
    threats/test_file_names.py::test_the_name_in_a_form_means_nothing
    live/test_drive_names.py::test_no_path_leads_out
    live/test_drive_names.py::test_no_destination_leads_out
    administration/test_target.py::test_no_name_leads_elsewhere
    administration/test_archive.py::test_only_names_of_blobs_name_blobs
    storage/test_blob_intake.py::test_nobodys_catalogue_takes_the_place_of_what_is_there_before_it_is_installed
    client/test_paths.py::test_names_that_lead_elsewhere
    client/test_paths.py::test_no_name_leaves_its_directory
    client/test_paths.py::test_what_is_not_in_the_folder
Rule bypass by the form of a path
    threats/test_bypasses.py::test_every_form_of_a_path_meets_the_guard_or_nothing
    web/http1/test_requests.py::test_a_path_is_decoded_once_and_kept
    api/drive/test_paths.py::test_every_name_has_one_address
    api/drive/test_paths.py::test_one_name_in_both_normal_forms_is_one_file
    drive/test_names.py::test_within_is_by_whole_names
Symlink escape
    web/test_static_files.py::test_what_is_not_there_is_404
    tls/test_certificate_authority.py::test_a_link_to_elsewhere_is_not_written_through
    administration/test_source.py::test_links_and_devices_are_left_out_and_named
    administration/test_source.py::test_a_link_that_took_the_place_of_a_file_is_not_followed
    administration/test_target.py::test_links_are_neither_followed_nor_written_through
    administration/test_target.py::test_a_link_where_tags_and_dates_are_staged_is_not_followed
    administration/test_backup.py::test_what_waits_under_its_name_is_neither_followed_nor_used
    storage/catalogue/test_connections.py::test_a_link_is_no_database
    client/test_downloads.py::test_a_link_is_replaced_and_not_followed
    live/test_remote_commands.py::test_nothing_is_written_outside_of_the_directory
A protocol that skips the permissions
    threats/test_drive_routes.py::test_every_route_has_its_scope_and_its_throttling_class
    threats/test_drive_routes.py::test_the_description_tells_of_every_route_that_it_needs_a_key
    threats/test_drive_routes.py::test_without_a_right_key_nothing_is_read
    live/test_drive_thumbnails.py::test_nobody_without_a_key
    api/identity/links/test_what_is_not_seen.py::test_every_route_is_throttled_and_asks_for_a_link_before_the_body
    (no WebDAV, resumable uploads or archives yet)
Hints of what may not be seen
    api/drive/test_what_is_not_seen.py::test_it_makes_no_difference
    api/drive/test_what_is_not_seen.py::test_every_route_is_asked
    api/drive/test_what_is_not_seen.py::test_every_method_is_called
    api/drive/test_unseen_combinations.py::test_it_makes_no_difference
    drive/test_thumbnails.py::test_a_file_that_is_gone_when_its_turn_comes_is_nobody_elses_matter
    contracts/catalogue/test_sight.py::test_the_granted_folders_and_the_way_to_them
    contracts/catalogue/test_sight.py::test_a_folder_on_the_way_tells_the_moments_of_what_is_granted
    contracts/catalogue/test_sight.py::test_files_by_every_order_in_full_pages
    contracts/catalogue/test_sight.py::test_trash_by_where_it_was
    contracts/catalogue/test_sight.py::test_changes_across_the_border
    contracts/catalogue/test_sight.py::test_numbers_of_changes_that_are_not_seen_are_unknown
    contracts/catalogue/test_sight.py::test_usage_is_of_what_is_seen
    api/identity/links/test_what_is_not_seen.py::test_it_makes_no_difference
    api/identity/links/test_what_is_not_seen.py::test_every_route_is_asked
A right that outlives or outgrows what it was given for
    contracts/catalogue/test_permissions.py::test_who_has_the_rights_of_a_command_may_give_it
    contracts/catalogue/test_permissions.py::test_both_ends_of_a_move_and_of_a_copy_have_to_be_granted
    contracts/catalogue/test_permissions.py::test_a_granted_folder_itself_stays_where_it_is
    contracts/catalogue/test_permissions.py::test_a_grant_follows_its_folder_and_not_its_path
    contracts/catalogue/test_permissions.py::test_a_grant_sleeps_in_the_trash_and_wakes_when_it_is_restored
    contracts/catalogue/test_permissions.py::test_a_grant_ends_when_its_folder_is_purged
    contracts/catalogue/test_permissions.py::test_everything_is_purged_that_the_actor_may_purge
    contracts/catalogue/test_trash.py::test_ids_of_what_is_gone_for_good_are_never_given_again
    storage/catalogue/test_chains.py::test_of_what_happened_before_they_were_remembered_the_root_alone_is_known
    identity/test_linking.py::test_it_does_no_more_than_its_maker_may_now
    identity/test_linking.py::test_to_bring_files_takes_the_right_on_the_folder_itself
    identity/test_linking.py::test_it_follows_and_sleeps
A permission checked before and not when it counts
    storage/catalogue/test_grants_meanwhile.py::test_nothing_but_the_granted_folder_is_changed_and_seen
    drive/test_permissions.py::test_what_is_moved_away_while_bytes_arrive_takes_the_right_with_it
    drive/test_permissions.py::test_who_may_not_store_is_refused_before_the_first_byte
A refused change that tells what is there
    contracts/catalogue/test_permissions.py::test_what_is_outside_of_the_grants_is_not_there
    contracts/catalogue/test_permissions.py::test_the_place_of_an_upload_is_looked_at_before_it_begins
    contracts/catalogue/test_permissions.py::test_what_is_uploaded_blindly_lands_beside_what_is_there
    contracts/catalogue/test_permissions.py::test_a_blind_upload_learns_nothing_of_folders_and_files_on_its_way
    contracts/catalogue/test_permissions.py::test_what_is_moved_and_copied_blindly_lands_beside_too
    drive/test_permissions.py::test_who_sees_nothing_is_not_told_what_is_there
    api/identity/links/test_what_is_not_seen.py::test_a_visitor_who_brings_files_learns_nothing
Body before authentication
    live/test_uploads.py::test_curl_gets_its_answer_and_little_is_handled
    web/http1/test_requests.py::test_a_refused_upload_is_not_invited
    threats/test_drive_routes.py::test_without_a_right_key_nothing_is_read
    live/test_drive_uploads.py::TestRefused::test_at_the_head
A refusal that nobody hears
    live/test_refused_uploads.py::test_the_status_arrives_whatever_the_size
    live/test_refused_uploads.py::test_every_status_arrives
    live/test_refused_uploads.py::test_it_arrives_on_every_transport
    live/test_refused_uploads.py::test_whoever_goes_on_for_ever_does_not_hold_up_the_end
    web/http1/test_channel.py::TestLingering::test_who_sends_on_is_let_go_after_half_a_minute
    web/http1/test_channel.py::TestLingering::test_it_counts_among_its_clients_connections
Work of clients who have left
    web/http1/test_disconnects.py::test_what_has_arrived_whole_and_changes_something_is_carried_through
    web/http1/test_disconnects.py::test_everything_else_is_dropped_with_its_client
    web/http1/test_disconnects.py::test_the_end_of_the_server_waits_for_it_and_not_for_ever
    live/test_uploads_after_disconnect.py::test_small_uploads_are_stored
    live/test_uploads_after_disconnect.py::test_large_uploads_are_stored
A stream without an end, so that the server cannot stop
    core/test_draining.py::test_a_stream_that_waits_ends
    live/test_front_ends.py::test_a_stream_without_an_end_ends_when_the_server_stops
    live/test_drive_events.py::test_all_end_at_once_when_the_server_stops
A stream that outlives the rights of its key
    api/drive/test_events.py::test_whose_rights_end_is_told_nothing_more
    live/test_drive_events.py::test_a_key_that_was_replaced_ends_its_streams
A mount that leads around the routes of another
    web/test_mounts.py::test_at_the_root_the_rest_is_for_what_is_there_and_never_what_is_below_api
    web/test_mounts.py::test_the_longest_mount_has_the_path
Many requests at once, so that nobody else has a turn
    web/http1/test_turns.py::test_in_one_turn_few_are_answered_and_no_more_is_read
    web/http1/test_turns.py::test_everybody_has_a_turn_before_anybody_has_two
    web/http1/test_turns.py::test_all_are_answered_in_order_however_they_come
Tiny chunks, or more around them than in them
    web/http1/test_chunks.py::test_tiny_chunks_of_one_read_are_handed_on_together
    web/http1/test_chunks.py::test_what_is_no_chunked_body_or_too_much_of_one_is_refused
    web/http1/test_chunks.py::test_it_takes_what_twisted_takes_and_nothing_else
    web/http1/test_chunks.py::test_who_sends_tiny_chunks_is_read_little_by_little
Descriptors that storage needs
    live/test_open_file_limits.py::test_silent_connections_leave_storage_its_files
    live/test_open_file_limits.py::test_with_few_the_silent_give_way
    live/test_open_file_limits.py::test_with_few_those_who_have_had_their_answer_give_way
    web/http1/test_channel.py::TestBounds::test_the_oldest_that_has_said_nothing_gives_way
    web/http1/test_channel.py::TestBounds::test_of_those_who_have_had_their_answer_whoever_is_idle_for_longest_gives_way
    observe/test_checks.py::test_a_server_that_can_open_nothing_is_of_no_use
Readers who stall
    live/test_stalled_readers.py::test_each_holds_a_small_amount
    live/test_stalled_readers.py::test_one_is_cut_off
    live/test_drive_events.py::test_who_takes_nothing_is_let_go_and_can_come_again
    web/http1/test_pace.py::TestTaking::test_what_the_system_takes_at_first_is_no_excuse_for_a_second_window
Length against bytes
    web/http1/test_content_length.py::test_what_is_too_much_of_a_stock_resource_is_dropped_and_the_connection_ends
    web/http1/test_content_length.py::test_what_lacks_something_ends_at_once
    web/http1/test_content_length.py::test_pieces_of_a_handler
    web/http1/test_content_length.py::test_a_producer_without_an_end_is_stopped
Unlimited guessing of keys
    access/test_attempt_limits.py::test_no_more_keys_are_judged_than_the_rate_allows
    access/test_attempt_limits.py::test_many_keys_at_once_are_no_way_around_the_count
    access/test_attempt_limits.py::test_the_right_key_gets_in_from_behind_the_address_of_a_guesser
    access/test_attempt_limits.py::test_wrong_keys_that_come_back_in_turns_do_not_take_the_places_of_others_for_ever
    access/test_attempt_limits.py::test_while_the_storage_is_away_the_server_counts_alone
    web/test_guards.py::test_beyond_some_wrong_keys_on_any_route_no_key_is_judged
    web/test_authentication.py::TestAttempts::test_guesses_are_limited_whatever_the_kind_of_credential
    web/test_guards.py::test_a_refused_key_does_not_show_whether_it_is_the_right_one
    live/test_key_guessing.py::test_a_guesser_is_slow_and_who_has_the_key_gets_in
    live/test_workers.py::test_wrong_keys_are_limited_over_all_workers
    access/test_worker_windows.py::test_the_verdict_on_a_right_key_is_refused_where_another_process_has_seen_the_guesses
    api/identity/test_ended_cookies.py::test_whoever_makes_up_cookies_is_looked_up_so_often_and_no_more
    api/identity/test_ended_cookies.py::test_cookies_are_no_way_around_the_limit_of_wrong_keys
A browser whose session has ended, so that its household is taken for one who guesses
    api/identity/test_ended_cookies.py::test_a_browser_with_a_cookie_that_has_ended_keeps_nobody_out
The token of the owner, which may do everything and is good for ever
    contracts/identity/test_owner.py::test_while_it_is_off_somebody_stays_who_gets_in
    server/test_accounts.py::test_the_owner_s_token_is_refused_once_it_is_switched_off
    server/test_accounts.py::test_an_older_store_does_not_switch_it_on
    live/test_accounts.py::test_the_owner_s_token_is_switched_off_and_on
    live/test_system_routes.py::test_beyond_some_wrong_keys_no_key_of_that_client_is_judged
Rotation that does not rotate
    access/test_reloading.py::test_a_new_hash_is_taken_up_and_the_former_token_refused
    access/test_reloading.py::test_what_cannot_be_read_keeps_the_former_token_and_is_told_once
    live/test_token_rotation.py::test_the_new_token_counts_and_the_former_does_not
    live/test_token_rotation.py::test_on_a_hangup_it_counts_at_once_and_on_open_connections_too
    live/test_token_rotation.py::test_a_mounted_secret_is_followed_through_its_links
    live/test_token_rotation.py::test_a_token_of_the_environment_stands_in_the_way_and_that_is_told
    live/test_token_rotation.py::test_what_root_replaces_stays_the_servers
A revoked credential that still lets in
    web/test_authentication.py::TestComingAndGoing::test_what_is_issued_and_revoked_while_the_server_runs_counts_at_once
    access/test_caching.py::test_what_is_revoked_is_refused_a_second_later
    access/test_caching.py::test_what_is_forgotten_is_looked_up_again_at_once
    access/test_caching.py::test_a_look_up_that_was_under_way_when_it_was_forgotten_is_not_kept
Guesses that keep the store of credentials busy
    web/test_authentication.py::TestAttempts::test_beyond_their_rate_guesses_are_not_looked_up
    access/test_attempt_limits.py::test_beyond_the_rate_no_new_key_has_to_be_looked_up
    access/test_caching.py::test_no_more_look_ups_wait_than_there_may
Credentials that cannot be looked up
    web/test_authentication.py::TestLookingUp::test_one_that_fails_is_503_and_no_wrong_credential
    access/test_caching.py::test_no_more_look_ups_wait_than_there_may
Forged proxy headers
    threats/test_bypasses.py::test_guessing_is_throttled_whoever_it_claims_to_be
    threats/test_bypasses.py::test_behind_a_proxy_one_guesser_does_not_throttle_the_others
    threats/test_bypasses.py::test_no_other_header_opens_the_door
    access/test_clients.py::test_what_a_proxy_appended_counts_whatever_the_client_claims
Requests to where only the server gets (server-side request forgery)
    outbound/test_addresses.py::test_public_ones_are_admitted
    outbound/test_addresses.py::test_no_other_one_is
    outbound/test_addresses.py::test_what_is_allowed_is_admitted_and_nothing_beside_it
    outbound/test_urls.py::test_what_is_unusual_is_refused
    outbound/test_urls.py::test_what_is_passed_is_read_in_the_same_way_by_who_connects
    live/test_outbound.py::test_nothing_is_connected_to_that_is_not_public
    live/test_outbound.py::test_nor_by_the_other_protocol
    live/test_outbound.py::test_a_name_that_leads_inside_is_not_followed_there
    live/test_outbound.py::test_it_is_looked_up_once_and_connected_to_is_what_was_found
    live/test_outbound.py::test_whoever_asks_for_another_address_all_the_same_is_refused
    live/test_outbound.py::test_a_redirect_is_not_followed
    live/test_outbound.py::test_no_proxy_of_the_environment_is_asked
    live/test_outbound.py::test_a_certificate_is_verified
    live/test_webhooks.py::test_nothing_is_sent_to_what_is_not_allowed
Receivers that hold up whoever sends
    live/test_outbound.py::test_who_does_not_answer_in_time_is_left
    live/test_outbound.py::test_of_an_answer_that_has_come_the_rest_is_waited_for_no_longer
    live/test_outbound.py::test_content_without_an_end_is_cut
    live/test_outbound.py::test_a_head_without_an_end_is_cut
    live/test_outbound.py::test_a_name_of_many_addresses_is_tried_at_some
    live/test_outbound.py::test_names_are_looked_up_in_threads_of_their_own
    outbound/test_lookups.py::test_one_that_takes_too_long_is_left
    outbound/test_lookups.py::test_there_are_so_many_at_once_and_no_more
    webhooks/test_delivering.py::test_one_that_fails_holds_up_those_after_it_and_nobody_else
    webhooks/test_delivering.py::test_receivers_who_answer_late_hold_up_no_webhooks_of_others
Messages that tell what may not be seen, or go on for who may not any more
    live/test_webhooks.py::test_it_tells_what_its_owner_may_see_and_nothing_else
    live/test_webhooks.py::test_a_key_knows_what_was_made_by_it_alone
    webhooks/test_keeping.py::test_a_key_sees_and_removes_only_what_was_made_by_it
    webhooks/test_delivering.py::test_the_grants_of_now_decide_and_nothing_is_in_the_gaps
    webhooks/test_delivering.py::test_what_is_on_its_way_is_cut_off_with_the_right_to_see_it
    webhooks/test_delivering.py::test_with_its_key_it_ends
    webhooks/test_delivering.py::test_where_the_accounts_are_older_ones_nothing_is_sent
An error handler that hides the error
    threats/test_responses.py::test_every_kind_of_error_keeps_its_status
    threats/test_responses.py::test_every_refusal_keeps_its_status
    web/test_static_files.py::test_pages_may_have_their_own_404
Wildcard CORS with credentials
    settings/test_loading.py::test_rules_between_settings_hold_whatever_their_sources
    web/test_cors.py::test_any_origin_with_credentials_is_refused
Image bombs
    live/test_drive_thumbnails.py::test_what_is_only_called_so_is_refused
    live/test_drive_thumbnails.py::test_many_hostile_pictures_at_once_leave_nothing
    thumbnails/test_worker.py::test_what_is_too_large_is_refused_for_its_head
    thumbnails/test_worker.py::test_what_takes_more_memory_than_there_is_is_too_large
    thumbnails/test_limits.py::test_one_that_calculates_without_end_is_killed
    thumbnails/test_maker.py::test_one_that_takes_too_long_is_killed
    thumbnails/test_maker.py::test_a_flood_is_refused
    thumbnails/test_maker.py::test_one_that_has_calculated_for_long_is_not_tried_again
    thumbnails/test_maker.py::test_where_others_wait_it_is_ended_earlier
    thumbnails/test_truncated_images.py::test_scans_are_counted
    thumbnails/test_truncated_images.py::test_scans_of_a_large_picture_are_few
    thumbnails/test_truncated_images.py::test_a_picture_that_has_to_be_gathered_may_be_too_large_for_the_memory
    thumbnails/test_truncated_images.py::test_chunks_that_are_not_vital
    live/test_drive_thumbnails.py::test_hundreds_of_scans_do_not_hold_up_the_others
    live/test_drive_thumbnails.py::test_what_waits_for_its_turn_is_not_open
Decoders taken over
    thumbnails/test_limits.py::test_it_fails
    thumbnails/test_limits.py::test_what_needs_threads_can_start_nothing_else
    thumbnails/test_worker.py::test_decoders_of_other_formats_are_never_used
    thumbnails/test_media.py::test_a_cover_is_a_picture_and_nothing_else
    thumbnails/test_media.py::test_what_only_begins_like_a_film
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
    storage/blobs/objects/test_faults.py::test_nothing_that_was_acknowledged_is_lost_when_the_store_is_killed
    storage/blobs/objects/test_faults.py::test_what_was_altered_on_the_way_is_sent_again
    tls/test_certificate_authority.py::test_files_are_never_seen_half_written
Slow clients
    live/test_malformed_requests.py::test_headers_that_dribble_are_answered_at_their_deadline
    live/test_malformed_requests.py::test_half_open_connections_end_at_their_deadline
    live/test_malformed_requests.py::test_one_client_opens_so_many_connections
    live/test_workers.py::test_what_a_client_may_have_open_it_has_over_all_workers
    web/http1/test_channel.py::test_a_body_below_the_minimum_rate_gets_408
    web/http1/test_channel.py::test_a_client_that_takes_nothing_is_cut
    live/test_drive_downloads.py::test_a_slow_reader_gets_everything_in_flat_memory
Key in the browser
    live/test_system_routes.py::test_every_answer_has_the_headers_that_protect
    api/identity/test_sessions.py::test_from_signing_in_to_signing_out
    api/identity/test_sessions.py::test_only_one_cookie_as_browsers_write_it_counts
Requests that pages of others have a browser send (CSRF, login CSRF)
    api/identity/test_sessions.py::test_pages_of_others_change_nothing_and_sign_nobody_in
    live/test_accounts.py::test_a_browser_signs_in_and_out
Sign-ins by identity providers that are forged, replayed, mixed up or led elsewhere
    api/identity/test_openid.py::test_an_answer_is_taken_from_the_browser_alone_that_has_begun
    api/identity/test_openid.py::test_an_answer_is_of_use_once
    api/identity/test_openid.py::test_an_answer_of_another_issuer_is_none
    api/identity/test_openid.py::test_nobody_is_sent_elsewhere
    api/identity/test_openid.py::test_the_page_shows_a_path_as_text
    api/identity/test_openid.py::test_nobody_becomes_somebody_by_their_name
    api/identity/test_openid.py::test_a_link_takes_a_session_that_goes_on_and_the_password
    api/identity/test_openid.py::test_answers_are_counted_before_the_provider_is_asked
    access/openid/test_sign_ins.py::test_what_is_not_for_us_is_not_believed
    access/openid/test_sign_ins.py::test_what_is_not_signed_by_the_provider_is_not_believed
    live/test_openid.py::test_a_browser_signs_in_and_goes_on
Guessing of passwords, and locking others out by it
    access/test_password_limits.py::test_many_clients_together_get_so_many_tries_of_a_name
    access/test_password_limits.py::test_whoever_has_signed_in_there_before_gets_in_whatever_others_try
    identity/test_signing_in.py::test_guesses_of_others_keep_nobody_from_a_device_that_is_known
    identity/test_signing_in.py::test_who_is_let_in_guesses_no_former_password_either
    identity/test_linking.py::test_tries_of_its_password_are_counted
Guessing of second factors, and locking others out by it
    identity/test_second_factor.py::test_tries_are_few_in_one_sign_in
    identity/test_second_factor.py::test_tries_are_few_in_all_and_a_device_that_is_known_has_its_own
Second factors that are replayed, somebody else's, or got around
    contracts/identity/test_factors.py::test_no_code_is_good_twice
    contracts/identity/test_factors.py::test_no_session_begins_on_what_the_factors_were
    identity/test_totp.py::test_neither_the_last_one_nor_an_earlier_one_is_good_again
    identity/test_second_factor.py::test_a_password_is_enough_until_there_is_a_factor
    identity/test_second_factor.py::test_the_code_of_somebody_else_is_wrong
    identity/test_second_factor.py::test_what_ends_a_sign_in_that_waits
    identity/test_second_factor.py::test_factors_are_changed_shortly_after_signing_in_and_never_by_a_key
    api/identity/test_factors.py::test_pages_of_others_go_on_with_nothing
    live/test_second_factors.py::test_a_password_and_a_code_let_in_and_neither_does_alone
Passkeys that are replayed, relayed, copied, or somebody else's
    contracts/identity/test_passkeys.py::test_a_challenge_is_signed_once
    contracts/identity/test_passkeys.py::test_it_counts_on_from_what_was_found
    api/identity/test_passkeys.py::test_what_lets_nobody_in
    api/identity/test_passkeys.py::test_what_was_signed_once_is_no_good_again
    api/identity/test_passkeys.py::test_the_passkey_of_somebody_else_is_no_second_factor
    api/identity/test_passkeys.py::test_a_challenge_is_for_one_purpose_and_one_user
    api/identity/test_passkeys.py::test_one_that_counts_less_than_before_is_told
    api/identity/test_passkeys.py::test_only_names_of_this_server_have_passkeys
    live/test_second_factors.py::test_a_passkey_lets_in_alone_and_once
Stored XSS
    threats/test_responses.py::test_what_is_reflected_in_an_error_is_text_in_json
    threats/test_uploaded_content.py::test_every_way_to_a_file_keeps_it_from_running
    threats/test_uploaded_content.py::test_a_cache_that_asks_again_keeps_the_policy
    threats/test_uploaded_content.py::test_a_type_that_can_be_read_in_two_ways_is_refused
    threats/test_uploaded_content.py::test_one_that_is_imported_is_left_to_the_name
    threats/test_uploaded_content.py::test_only_what_browsers_play_may_load_itself
    threats/test_uploaded_content.py::test_a_real_browser_runs_nothing
    api/drive/test_disposition.py::test_only_what_runs_nothing_is_shown
    live/test_drive_thumbnails.py::test_clients_may_lie_about_the_type
    live/test_links.py::test_a_folder_is_a_page_without_a_script
Zip-slip, archive bombs
    administration/test_archive.py::test_other_members_are_refused
    administration/test_archive.py::test_a_size_that_no_old_tar_could_say_is_said
    administration/test_hostile_backup.py::test_what_no_drive_could_have_written_is_refused
    administration/test_hostile_backup.py::test_a_chain_that_is_none_is_refused
    storage/catalogue/test_altered_catalogues.py::test_it_is_refused_or_works
    (zip archives do not exist yet)
Keys in URLs and logs
    threats/test_bypasses.py::test_a_key_in_a_url_is_no_key_and_is_not_logged
    live/test_system_routes.py::test_no_secret_is_in_the_log
    observe/test_access_log.py::test_only_the_path_of_a_target_is_logged
    storage/blobs/objects/test_settings.py::test_what_may_be_a_secret_is_not_repeated
    storage/blobs/objects/test_opening.py::test_wrong_credentials_are_told_and_not_shown
    identity/test_link_format.py::test_a_path_is_told_without_them
    identity/test_link_format.py::test_whatever_stands_around_it
    live/test_links.py::test_no_secret_stands_anywhere
Secrets told by the length of an answer (BREACH)
    api/test_system.py::test_what_may_hold_a_secret_is_never_compressed
    api/drive/test_downloads.py::test_what_users_store_is_never_compressed
User enumeration, timing
    threats/test_bypasses.py::test_every_wrong_key_gets_the_same_answer
    api/identity/test_what_is_not_known.py::test_who_there_is_makes_no_difference
    identity/test_resolving.py::test_whatever_is_wrong_with_a_key_it_is_nobodys_by_one_look_up
    api/identity/test_sessions.py::test_whatever_is_wrong_gets_the_same_answer
    api/identity/test_factors.py::test_who_does_not_know_the_password_learns_nothing_of_factors
    identity/test_directory.py::test_to_others_there_is_nobody_but_themselves
    live/test_links.py::test_wrong_links_are_all_the_same
    identity/test_linking.py::test_what_is_no_secret_is_no_link
Names that are taken for others (homographs, reuse)
    identity/test_names.py::test_names_that_look_alike_are_one
    identity/test_names.py::test_no_names
    contracts/identity/test_users.py::test_the_name_of_a_removed_user_stays_taken
A key that does more than who made it
    identity/test_signing_in.py::test_a_session_of_a_key_does_no_more_than_the_key_and_ends_with_it
    identity/test_issuing.py::test_a_narrow_key_makes_no_wide_one
    identity/test_issuing.py::test_who_manages_everything_may_not_get_more_scopes_by_a_key
    identity/test_directory.py::test_a_narrow_key_of_a_manager_signs_in_as_nobody
    identity/test_directory.py::test_a_limited_key_of_a_manager_sets_no_password
    identity/test_issuing.py::test_a_key_that_ends_makes_none_that_ends_later
    identity/test_issuing.py::test_a_key_with_a_rate_makes_no_others
    identity/test_issuing.py::test_a_key_changes_nothing_of_itself_but_to_narrow_it
    identity/test_grants.py::test_it_never_grows
    identity/test_linking.py::test_a_key_makes_none_that_is_wider_than_it
Revoked, and still good
    server/test_accounts.py::test_what_is_under_way_by_a_session_ends_within_a_second
    identity/test_signing_in.py::test_what_takes_a_password_away_ends_sessions_too
    server/test_accounts.py::test_what_is_under_way_ends_within_a_second
    live/test_accounts.py::test_what_is_under_way_ends
    identity/test_issuing.py::test_what_was_made_by_a_key_ends_with_it
    contracts/identity/test_keys.py::test_a_key_that_has_ended_makes_no_others
    identity/test_witness.py::test_an_older_one_is_not_however_much_happens_in_it
    identity/test_resolving.py::test_what_is_taken_from_its_holder_is_taken_from_the_key
    live/test_links.py::test_what_is_under_way_ends
    identity/test_linking.py::test_it_ends
    contracts/identity/test_links.py::test_all_before_are_void
    contracts/identity/test_links.py::test_with_a_key_end_the_links_that_were_made_by_it_and_its_descendants
An audit that is altered, avoided or filled
    audit/test_verification.py::test_what_was_altered_is_found
    audit/test_verification.py::test_a_cut_end_is_found_by_what_is_known
    storage/audit/test_alterations.py::test_an_altered_row_is_found
    audit/test_recording.py::test_whoever_leaves_has_an_entry_all_the_same
    audit/test_recording.py::test_refusals_are_bounded_whoever_asks_for_whatever
    web/test_recording.py::test_nothing_is_changed_that_could_not_be_told
    api/audit/test_routes.py::test_only_who_manages_the_whole_drive_reads_it
    api/audit/test_routes.py::test_nobody_else_learns_whether_there_is_anything
Log injection
    observe/test_access_log.py::test_no_request_can_forge_a_line_or_a_field
    observe/test_log_lines.py::test_a_record_is_one_line_whatever_it_says
    threats/test_file_names.py::test_each_request_is_one_line_of_the_log_whatever_it_names
Memory or time by one request
    threats/test_request_cost.py::test_broken_strings_are_read_once
    threats/test_request_cost.py::test_deep_json_is_refused
    threats/test_request_cost.py::test_values_are_counted_before_any_is_made
    threats/test_request_cost.py::test_what_stands_in_texts_is_not_counted
    threats/test_request_cost.py::test_as_many_values_as_may_be
    threats/test_request_cost.py::test_a_key_without_end_is_told_in_short
    threats/test_request_cost.py::test_a_number_without_end_is_not_told
    threats/test_request_cost.py::test_some_faults_of_a_body_are_told
    threats/test_request_cost.py::test_some_faults_of_a_query_are_told
    threats/test_request_cost.py::test_a_flood_of_headers_ends_in_431
    threats/test_request_cost.py::test_an_array_is_not_searched_for_faults_for_ever
    threats/test_request_cost.py::test_forwarded_addresses_are_looked_at_from_the_right_and_not_for_ever
    web/test_static_files.py::test_other_ranges_than_one_are_ignored
    web/http1/test_back_pressure.py::test_requests_wait_while_answers_are_not_taken
    web/http1/test_back_pressure.py::test_a_body_that_nobody_reads_stays_outside_while_the_answer_is_taken
    live/test_uploads.py::test_requests_whose_answers_are_not_taken_wait_outside
    access/test_memory_stores.py::test_an_attack_from_many_addresses_costs_bounded_memory
    web/test_caches.py::test_requests_without_a_key_leave_next_to_nothing
    live/test_memory_use.py::test_paths_of_strangers_are_not_kept
    threats/test_drive_request_cost.py::test_a_large_body_is_refused_in_few_words
    threats/test_drive_request_cost.py::test_a_long_tag_is_left_out_and_not_told_again
    threats/test_drive_request_cost.py::test_files_in_deep_folders_are_listed_in_little_memory
    threats/test_drive_request_cost.py::test_a_page_of_very_long_paths_ends_early
    threats/test_drive_request_cost.py::test_no_batch_makes_folders_without_end
    threats/test_drive_request_cost.py::test_no_list_takes_a_forged_cursor_or_a_huge_limit
    threats/test_drive_request_cost.py::test_no_ranges_make_an_answer_larger_than_the_file
    threats/test_drive_request_cost.py::test_no_head_of_a_part_is_read_for_ever
    web/test_ranges.py::test_no_field_is_a_surprise
    web/test_conditions.py::test_long_lists_are_read_once
    web/test_negotiation.py::test_a_long_field_is_cheap
    web/test_codings.py::test_long_fields_are_read_once
    api/drive/test_digests_and_media_types.py::test_a_long_digest_is_refused_unread
    live/test_memory_use.py::test_every_list_in_a_header_field_gets_its_answer
    web/test_conditions.py::test_a_list_of_tags_has_a_bound
    web/test_static_files.py::TestCodings::test_packed_files_take_bounded_memory
    web/test_static_files.py::TestCodings::test_one_file_is_packed_at_a_time_whoever_leaves
    contracts/catalogue/test_lists.py::test_a_cursor_that_no_page_gave
    storage/catalogue/test_connections.py::test_several_copies_in_one_step_count_together
Abandoned work
    live/test_drive_fairness.py::test_searches_of_clients_who_left_are_not_done
    live/test_drive_fairness.py::test_one_client_with_many_searches_leaves_the_others_their_share
    storage/catalogue/test_reading.py::test_what_waits_for_a_caller_who_left_is_never_read
    storage/catalogue/test_reading.py::test_what_runs_for_a_caller_who_left_is_interrupted_and_nothing_else
    storage/catalogue/test_reading.py::test_look_ups_do_not_wait_for_scans
    storage/catalogue/test_reading.py::test_clients_come_in_turns
    storage/catalogue/test_reading.py::test_what_takes_too_long_is_stopped
    storage/database/test_lanes.py::test_beyond_so_many_that_wait_one_is_refused
    core/test_threads.py::test_a_call_that_is_cancelled_before_it_begins_never_runs
    threats/test_responses.py::test_a_server_with_too_much_to_do_says_when_to_come_back
    storage/blobs/objects/test_parts.py::test_readers_that_leave_let_go
A store that hangs, and whoever asks for anything with it
    storage/blobs/objects/test_faults.py::test_a_store_that_is_stopped_is_unavailable_until_it_is_back
    storage/blobs/objects/test_faults.py::test_a_connection_that_falls_silent_is_given_up
    storage/blobs/objects/test_faults.py::test_bytes_that_drip_are_not_waited_for_without_end
    storage/blobs/objects/test_faults.py::test_whoever_waits_behind_those_that_hang_hangs_no_longer
    storage/blobs/objects/test_parts.py::test_memory_is_given_back
    live/test_object_store_faults.py::test_what_needs_no_bytes_goes_on_while_the_store_is_stopped
One transaction for many large changes
    live/test_drive_fairness.py::test_whoever_writes_little_waits_for_one_of_many_large_copies_at_most
    storage/database/test_group_commit.py::test_light_works_wait_for_one_heavy_work_at_most
    storage/database/test_group_commit.py::test_a_transaction_ends_when_it_has_changed_many_rows
    storage/database/test_group_commit.py::test_a_transaction_ends_when_it_has_taken_long
    storage/database/test_group_commit.py::test_only_so_many_heavy_works_wait
    storage/catalogue/test_connections.py::test_only_so_much_is_copied_in_one_step
    threats/test_drive_request_cost.py::test_no_batch_looks_up_deep_paths_without_end
    storage/catalogue/test_maintenance.py::test_a_log_that_has_become_large_is_cut
    storage/catalogue/test_maintenance.py::test_a_trash_with_much_in_it_is_emptied_in_steps
Chunked uploads that become empty
    live/test_uploads.py::test_a_large_upload_arrives_whole_in_flat_memory
    live/test_drive_uploads.py::TestAccepted::test_put_in_flat_memory
Absolute Location behind a proxy
    threats/test_responses.py::test_a_redirect_names_no_host
    web/test_static_files.py::test_a_directory_without_slash_redirects_relatively
    api/drive/test_files.py::test_what_is_put_is_got
Finishing that takes as long as the file
    storage/blobs/test_writing.py::test_a_large_blob_is_written_on_the_way
    storage/blobs/objects/test_parts.py::test_going_on_later_stores_nothing_twice
    (resumable uploads do not exist yet)
Certificates
    tls/test_certificate_authority.py::test_certificate_key_and_directory_are_for_their_owner_alone
    tls/test_certificate_authority.py::test_certificate_names_every_name_given
    live/test_tls.py::test_no_connection_fails_while_certificates_are_swapped
Request smuggling, Host
    live/test_malformed_requests.py::test_it_is_refused_once
    live/test_malformed_requests.py::test_each_is_one_line_in_the_log
    live/test_malformed_requests.py::test_where_it_is_split_makes_no_difference
    live/test_uploads.py::test_a_body_that_looks_like_a_request_is_none
    web/http1/test_request_heads.py::test_both_ways_give_the_same_answers
    web/test_options.py::test_whoever_wants_to_close_is_heard
    web/test_options.py::test_another_major_version_is_told_so
Response splitting
    threats/test_responses.py::test_what_is_reflected_in_the_head_stays_in_its_field
    threats/test_file_names.py::test_what_is_a_name_stays_that_name_and_never_touches_the_disk
    api/drive/test_disposition.py::test_every_name_arrives_as_it_is
Promises that evict
    live/test_announced_uploads.py::test_a_head_without_a_body_gives_nothing_up
    live/test_announced_uploads.py::test_held_announcements_keep_no_room_from_others
    live/test_announced_uploads.py::test_half_an_upload_counts_until_it_is_gone_and_gives_nothing_up
    live/test_announced_uploads.py::test_what_is_refused_in_the_end_gives_nothing_up
    drive/test_capacity.py::test_what_has_arrived_counts_and_what_is_announced_does_not
    drive/test_capacity.py::test_what_is_not_stored_in_the_end_has_cost_nothing
    drive/test_capacity.py::test_of_two_that_fit_alone_one_is_stored
Parts of two versions, bytes of two answers
    web/test_static_files.py::TestConditions::test_another_file_of_the_same_size_and_date_is_another
    web/test_static_files.py::TestConditions::test_a_file_that_was_rolled_back_is_sent
    web/test_conditions.py::test_only_the_very_validator_allows_ranges
    live/test_static_files.py::test_a_file_that_is_cut_short_cuts_the_connection
    live/test_static_files.py::test_what_is_appended_is_not_in_the_answer
    live/test_static_files.py::test_a_part_of_what_is_emptied_ends
    live/test_static_files.py::test_parts_of_two_versions_are_never_joined
Clean-up against commit
    web/http1/test_requests.py::test_a_client_that_leaves_cancels_its_handler
    threats/test_interrupted_uploads.py::test_cut_off_at_any_byte_it_leaves_nothing
    live/test_drive_uploads.py::TestCutOff::test_the_old_version_stays
    drive/test_uploads.py::test_left_before_the_end_nothing_remains
    drive/test_uploads.py::test_a_client_that_leaves_once_all_is_there_undoes_nothing
    contracts/catalogue/test_blobs.py::test_what_is_unused_is_joined_until_it_is_marked
    contracts/test_blobs.py::test_ids_are_random_digits
    durability/test_catalogue.py::test_whoever_looks_from_outside_clears_nothing_away
    administration/test_cleaning.py::test_what_another_program_is_about_to_store_is_left_alone
    storage/blobs/objects/test_parts.py::test_what_was_just_sealed_is_young_however_old_its_upload_is
    storage/blobs/objects/test_parts.py::test_whoever_thinks_that_it_still_has_it_takes_nothing_away
    storage/blobs/objects/test_opening.py::test_two_installations_have_no_prefix_in_common
Names
    drive/test_names.py::test_a_name_is_kept_as_given_and_compared_normalised
    drive/test_names.py::test_names_that_differ_in_case_are_two
    drive/test_names.py::test_one_name_in_two_normal_forms_is_one
    contracts/catalogue/test_tree.py::test_names_are_compared_by_their_keys_and_kept_as_given
    live/test_drive_names.py::test_curl
    administration/test_source.py::test_two_names_that_are_one_in_a_drive_are_a_fault
    administration/test_export.py::test_names_that_would_be_one_are_named_together_before_anything_is_written
Descriptions that mislead programs
    live/test_generated_clients.py::test_python
    live/test_generated_clients.py::test_typescript
    live/test_documentation_page.py::test_a_file_can_be_stored
    web/test_openapi.py::test_whatever_is_sent_has_a_schema
What wraps a file stored as the file
    api/drive/test_refusals.py::test_a_refusal_says_why_and_changes_nothing
    api/drive/test_forms.py::test_a_form_inside_of_a_form_is_no_file
Hooks that run shell commands
    threats/test_code.py::test_no_shell_no_program_and_no_code_from_data
"""
